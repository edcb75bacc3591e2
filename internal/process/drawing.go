package process

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// A drawing passes on what a Windows pseudo console draws. A console draws on a screen
// of its own, which it clears first, at absolute positions; and it asks the terminal.
// A drawing makes the positions relative, so that they hold below other output, leaves
// out what would change more than that in the reader's terminal, and answers.
//
// https://learn.microsoft.com/en-us/windows/console/console-virtual-terminal-sequences
type drawing struct {
	w             io.Writer
	answer        func(string)
	rows, columns int

	row, column int  // of the cursor, from 0; column may be columns: the next character wraps
	bottom      int  // the lowest row that the cursor was in
	erased      int  // cells that the sequence before has erased from the cursor on
	drawn       bool // something was drawn: what clears the screen is no longer the console's start
	sequence    []byte
	out         bytes.Buffer
}

// maxSequence limits how long a sequence is held until its end comes. A title may be
// long.
const maxSequence = 4 << 10

const escape = '\x1b'

func (d *drawing) Write(p []byte) (int, error) {
	d.out.Reset()
	for _, b := range p {
		switch {
		case len(d.sequence) > 0:
			d.continueSequence(b)
		case b == escape:
			d.sequence = append(d.sequence, b)
		default:
			d.draw(b)
		}
	}
	if d.out.Len() > 0 {
		if _, err := d.w.Write(d.out.Bytes()); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// draw passes on a byte outside of sequences, and follows the cursor.
func (d *drawing) draw(b byte) {
	d.erased = 0
	switch {
	case b == '\r':
		d.column = 0
	case b == '\n':
		d.row = min(d.row+1, d.rows-1)
	case b == '\b':
		d.column = max(d.column-1, 0)
	case b < ' ' || b >= 0x80 && b < 0xc0: // others, and the rest of a character in UTF-8
	case d.column >= d.columns:
		d.row, d.column = min(d.row+1, d.rows-1), 1
	default:
		d.column++
	}
	d.bottom = max(d.bottom, d.row)
	d.drawn = d.drawn || b > '\r'
	d.out.WriteByte(b)
}

// continueSequence adds a byte to the sequence, and interprets it if it is whole.
func (d *drawing) continueSequence(b byte) {
	d.sequence = append(d.sequence, b)
	s, n := d.sequence, len(d.sequence)
	var whole bool
	switch s[1] {
	case '[':
		whole = n > 2 && b >= '@' && b <= '~'
	case ']', 'P', 'X', '^', '_':
		whole = b == '\a' || n > 3 && b == '\\' && s[n-2] == escape
	default:
		whole = b < ' ' || b > '/'
	}
	if whole || n > maxSequence {
		d.interpret(string(s))
		d.sequence = d.sequence[:0]
	}
}

// interpret passes on a sequence, or what does the same anywhere.
func (d *drawing) interpret(s string) {
	erased := d.erased
	d.erased = 0
	final := s[len(s)-1]
	if s[1] != '[' {
		if !strings.HasPrefix(s, "\x1b]0;") && !strings.HasPrefix(s, "\x1b]2;") { // the title
			d.out.WriteString(s)
		}
		return
	}
	parameters := s[2 : len(s)-1]
	n := parameter(parameters, 0)
	switch final {
	case 'H', 'f':
		d.moveTo(n-1, parameter(parameters, 1)-1)
	case 'd':
		d.moveTo(n-1, d.column)
	case 'A', 'F':
		d.moveTo(d.row-n, d.columnAfter(final))
	case 'B', 'E':
		d.moveTo(d.row+n, d.columnAfter(final))
	case 'C':
		if n == erased { // spaces do both, and stay where sequences are removed
			d.out.WriteString(strings.Repeat(" ", n))
			d.column = min(d.column+n, d.columns-1)
			return
		}
		d.moveTo(d.row, d.column+n)
	case 'D':
		d.moveTo(d.row, d.column-n)
	case 'G':
		d.moveTo(d.row, n-1)
	case 'X':
		d.erased = n
		d.out.WriteString(s)
	case 'J':
		if d.drawn {
			d.out.WriteString(s)
		}
	case 'c':
		d.answer("\x1b[?61c") // a terminal of this kind; a console waits for the answer
	case 'n':
		d.answer(fmt.Sprintf("\x1b[%d;%dR", d.row+1, d.column+1))
	case 't': // the window's size
	case 'h', 'l':
		if !isConsoleMode(parameters) {
			d.out.WriteString(s)
		}
	default:
		d.out.WriteString(s)
	}
}

// columnAfter is the column after a move up or down.
func (d *drawing) columnAfter(final byte) int {
	if final == 'E' || final == 'F' {
		return 0
	}
	return d.column
}

// isConsoleMode tells whether a mode is for a console's input, which nobody gives:
// Windows' form of keys, and reports of the focus. A console sets both at its start.
func isConsoleMode(parameters string) bool {
	return slices.Contains([]string{"?9001", "?1004"}, parameters)
}

// parameter is number i of a sequence's parameters; default: 1.
func parameter(parameters string, i int) int {
	all := strings.Split(parameters, ";")
	if i < len(all) {
		if n, err := strconv.Atoi(all[i]); err == nil && n > 0 {
			return n
		}
	}
	return 1
}

// moveTo moves the cursor, if it is not there, by what does not depend on where the
// screen begins. Downwards these are newlines, which stay where sequences are removed.
func (d *drawing) moveTo(row, column int) {
	row, column = max(min(row, d.rows-1), 0), max(min(column, d.columns-1), 0)
	isBelow := row > d.bottom // nothing is drawn there
	switch {
	case row > d.row:
		d.out.WriteString(strings.Repeat("\r\n", row-d.row))
		d.column = 0
	case row < d.row:
		fmt.Fprintf(&d.out, "\x1b[%dA", d.row-row)
	}
	switch {
	case column == d.column:
	case column == 0:
		d.out.WriteByte('\r')
	case isBelow && d.column == 0:
		d.out.WriteString(strings.Repeat(" ", column))
	default:
		fmt.Fprintf(&d.out, "\x1b[%dG", column+1)
	}
	d.row, d.column, d.bottom = row, column, max(d.bottom, row)
}
