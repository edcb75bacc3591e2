package terminal

import (
	"bytes"
	"slices"
	"strings"
)

// modes are what a job's output has changed in a terminal for those who use it next,
// and an escape sequence that it hasn't finished.
//
// https://invisible-island.net/xterm/ctlseqs/ctlseqs.html
type modes struct {
	state    escapeState
	sequence []byte   // so far, without ESC
	undo     []string // what ends the changes, in their order
}

// maxSequence is enough for those that change a mode.
const maxSequence = 64

// privateModes are undone by their opposite. Those that are true are normally on.
var privateModes = map[string]bool{
	"1":    false, // cursor keys of applications
	"5":    false, // reverse video
	"6":    false, // positions within the scroll region
	"7":    true,  // wrap long lines
	"25":   true,  // show the cursor
	"9":    false, // report the mouse, and those that follow
	"1000": false, "1001": false, "1002": false, "1003": false, "1005": false, "1006": false, "1015": false, "1016": false,
	"1004": false,                               // report the focus
	"9001": false,                               // Windows' form of keys
	"47":   false, "1047": false, "1049": false, // alternate screen
	"2004": false, // bracketed paste
	"2026": false, // hold back what is drawn
}

func (m *modes) wrote(p []byte) {
	for len(p) > 0 {
		if m.state == inText {
			i := bytes.IndexByte(p, '\x1b')
			if i < 0 {
				return
			}
			m.state, m.sequence, p = afterEsc, m.sequence[:0], p[i+1:]
			continue
		}
		b := p[0]
		p = p[1:]
		m.state = m.state.next(b)
		switch {
		case m.state == afterEsc: // it breaks off what came before
			m.sequence = m.sequence[:0]
		case len(m.sequence) < maxSequence:
			m.sequence = append(m.sequence, b)
		}
		if m.state == inText && b != cancel && b != substitute {
			m.note(string(m.sequence))
		}
	}
}

// note notes a whole sequence, without its ESC.
func (m *modes) note(s string) {
	final, parameters := s[len(s)-1], ""
	if s[0] == '[' && len(s) > 1 {
		parameters = s[1 : len(s)-1]
	}
	switch {
	case s == "c": // full reset
		m.undo = nil
	case s == "=", s == ">":
		m.change(s == "=", "\x1b>") // keypad of applications
	case s[0] == '(':
		m.change(s != "(B", "\x1b(B") // line drawing
	case strings.HasPrefix(s, "]8;"): // link
		_, address, _ := strings.Cut(strings.TrimRight(s, "\a\x1b\\")[3:], ";")
		m.change(address != "", "\x1b]8;;\x1b\\")
	case s[0] != '[':
	case final == 'h' || final == 'l':
		m.noteModes(parameters, final == 'h')
	case final == 'm' && strings.HasPrefix(parameters, ">4"):
		m.change(parameters != ">4" && parameters != ">4;0", "\x1b[>4m") // other keys
	case final == 'u' && (strings.HasPrefix(parameters, ">") || strings.HasPrefix(parameters, "<")):
		m.change(parameters[0] == '>', "\x1b[<99u") // keyboard protocol
	case final == 'r' && !strings.HasPrefix(parameters, "?"):
		m.change(parameters != "", "\x1b7\x1b[r\x1b8") // scroll region; without the others, the cursor would move
	case final == 'q' && strings.HasSuffix(parameters, " "):
		m.change(parameters != " " && parameters != "0 ", "\x1b[0 q") // cursor's shape
	}
}

func (m *modes) noteModes(parameters string, on bool) {
	numbers, isPrivate := strings.CutPrefix(parameters, "?")
	for n := range strings.SplitSeq(numbers, ";") {
		normally, known := privateModes[n]
		switch {
		case isPrivate && known && normally:
			m.change(!on, "\x1b[?"+n+"h")
		case isPrivate && known:
			m.change(on, "\x1b[?"+n+"l")
		case !isPrivate && n == "4": // insert
			m.change(on, "\x1b[4l")
		}
	}
}

// change notes a change that undo ends, or its end.
func (m *modes) change(changed bool, undo string) {
	m.undo = slices.DeleteFunc(m.undo, func(s string) bool { return s == undo })
	if changed {
		m.undo = append(m.undo, undo)
	}
}

// finish returns what ends an unfinished sequence, so that the text after it is shown.
func (m *modes) finish() string {
	if m.state == inText {
		return ""
	}
	m.state = inText
	return string(cancel) + "\x1b\\"
}

// restore returns what ends all changes.
func (m *modes) restore() string {
	all := m.finish() + strings.Join(m.undo, "")
	m.undo = nil
	return all
}
