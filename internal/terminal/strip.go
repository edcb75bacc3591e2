package terminal

// Plain removes what only a terminal understands from the output of commands that ran
// under one: escape sequences, and the carriage return before a newline. It keeps its
// state between calls, since a sequence may be cut in two. The zero value is ready.
//
// https://ecma-international.org/publications-and-standards/standards/ecma-48/
type Plain struct {
	state escapeState
	cr    bool // a carriage return came last, and isn't in the output yet
}

// escapeState is where in an escape sequence a byte is.
type escapeState int

// Control characters that break off an escape sequence, as ESC does.
const (
	cancel     = '\x18'
	substitute = '\x1a'
)

const (
	inText      escapeState = iota
	afterEsc                // ESC came
	inControl               // CSI: parameters, until a byte from @ to ~
	inString                // OSC, DCS and others: until BEL or ESC \
	inStringEsc             // ESC came in a string
	inCharset               // ESC and an intermediate byte: one byte follows
)

// Strip returns p without what only a terminal understands.
func (s *Plain) Strip(p []byte) []byte {
	out := make([]byte, 0, len(p)+1)
	for _, b := range p {
		if s.state != inText {
			s.state = s.state.next(b)
			continue
		}
		if s.cr && b != '\n' {
			out = append(out, '\r')
		}
		s.cr = b == '\r'
		switch b {
		case '\r':
		case '\x1b':
			s.state = afterEsc
		default:
			out = append(out, b)
		}
	}
	return out
}

// next returns the state after a byte of an escape sequence.
func (s escapeState) next(b byte) escapeState {
	switch {
	case b == cancel || b == substitute:
		return inText
	case b == '\x1b' && s != inString && s != inStringEsc:
		return afterEsc
	}
	switch s {
	case afterEsc:
		switch {
		case b == '[':
			return inControl
		case b == ']' || b == 'P' || b == 'X' || b == '^' || b == '_':
			return inString
		case b >= ' ' && b <= '/':
			return inCharset
		}
	case inControl:
		if b < '@' || b > '~' {
			return inControl
		}
	case inString:
		switch b {
		case '\a':
			return inText
		case '\x1b':
			return inStringEsc
		}
		return inString
	case inStringEsc:
		if b != '\\' {
			return inString
		}
	case inCharset, inText:
	}
	return inText
}
