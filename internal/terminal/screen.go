package terminal

import (
	"bytes"
	"cmp"
	"io"
	"strings"
	"time"
)

// A Screen is a terminal's second screen, on which a list is drawn again and again. What
// was on the terminal before is there again when it is closed.
//
// https://invisible-island.net/xterm/ctlseqs/ctlseqs.html
type Screen struct{ t *Terminal }

const (
	openScreen  = "\x1b[?1049h\x1b[?25l" // the alternate screen; hide the cursor
	closeScreen = "\x1b[?25h\x1b[?1049l"
	cursorHome  = "\x1b[H"
	clearLine   = "\x1b[K"
	clearBelow  = "\x1b[J"
)

// OpenScreen switches the terminal that is stdout to its second screen.
func (t *Terminal) OpenScreen() *Screen {
	_, _ = io.WriteString(t.Stdout, openScreen) // if it fails, so does Draw
	return &Screen{t}
}

// Draw replaces what is on the screen by a table, below a line with the time and the note.
// As in PrintTable, columns of optional may be left out. Longer lines are cut: one that took
// two would move the first ones off the screen.
func (s *Screen) Draw(note string, header []string, rows [][]string, optional ...string) error {
	header, rows = fitColumns(header, rows, s.t.Columns(), optional)
	var table bytes.Buffer
	if err := writeAligned(&table, header, rows, s.t.Columns()); err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString(cursorHome + s.line(s.t.now().Format(time.TimeOnly)+"  "+cmp.Or(note, "press Ctrl-C to stop")))
	for line := range strings.Lines(table.String()) {
		b.WriteString(s.line(line))
	}
	_, err := io.WriteString(s.t.Stdout, strings.TrimSuffix(b.String(), "\n")+clearBelow)
	return err
}

// line is a line of the screen, with what clears the rest of it.
func (s *Screen) line(text string) string {
	text = strings.TrimSuffix(text, "\n")
	if width := s.t.Columns(); width > 0 {
		text = cutLine(text, width)
	}
	return clearLine + text + "\n" // behind a line as wide as the screen it would clear the last character
}

// Close switches back to the first screen.
func (s *Screen) Close() { _, _ = io.WriteString(s.t.Stdout, closeScreen) }
