package dynamodbwire

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// A scanner reads JSON from its text in one pass. Strings are parts of the
// text, which they keep alive. What it doesn't take (bad JSON, and what is
// rare) makes it fail for good: whoever uses it reads such a text by decode.
type scanner struct {
	text   string
	at     int
	failed bool
}

func (s *scanner) fail() { s.failed, s.at = true, len(s.text) }

// next is the byte that comes, white space apart; 0 at the end.
func (s *scanner) next() byte {
	for ; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// accept skips c if it comes.
func (s *scanner) accept(c byte) bool {
	if s.next() != c {
		return false
	}
	s.at++
	return true
}

func (s *scanner) expect(c byte) {
	if !s.accept(c) {
		s.fail()
	}
}

// word skips a literal that must come.
func (s *scanner) word(w string) {
	s.next()
	if !strings.HasPrefix(s.text[s.at:], w) {
		s.fail()
		return
	}
	s.at += len(w)
}

// string reads a string.
func (s *scanner) string() string {
	s.expect('"')
	begin, plain := s.at, true
	s.at += value.Plain(s.text[begin:])
	for ; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == '"':
			raw := s.text[begin:s.at]
			s.at++
			if plain {
				return raw
			}
			return s.unquoted(begin)
		case c == '\\':
			plain = false
			s.at++ // whatever it is, it isn't the end
		case c >= utf8.RuneSelf:
			plain = false
		case c < 0x20:
			s.fail()
			return ""
		}
	}
	s.fail()
	return ""
}

// unquoted is the string just read, with its escapes undone, and what isn't
// UTF-8 replaced.
func (s *scanner) unquoted(begin int) string {
	raw := s.text[begin : s.at-1]
	if strings.IndexByte(raw, '\\') < 0 && utf8.ValidString(raw) {
		return raw
	}
	var out string
	if json.Unmarshal([]byte(s.text[begin-1:s.at]), &out) != nil {
		s.fail()
	}
	return out
}

// bool reads true or false.
func (s *scanner) bool() bool {
	if s.next() == 't' {
		s.word("true")
		return true
	}
	s.word("false")
	return false
}

// maxInt is how many digits of an integer are taken here.
const maxInt = 9

// int reads an integer that is surely within 32 bits.
func (s *scanner) int() int64 {
	var n int64
	s.next()
	begin := s.at
	for s.at < len(s.text) && s.text[s.at] >= '0' && s.text[s.at] <= '9' {
		n = n*10 + int64(s.text[s.at]-'0')
		s.at++
	}
	digits := s.text[begin:s.at]
	if len(digits) == 0 || len(digits) > maxInt || digits[0] == '0' && len(digits) > 1 {
		s.fail()
	}
	if c := s.next(); c != ',' && c != '}' && c != ']' { // a fraction, say
		s.fail()
	}
	return n
}

// members calls f at the value of each member of an object.
func (s *scanner) members(f func(name string)) {
	s.expect('{')
	if s.accept('}') {
		return
	}
	for !s.failed {
		name := s.string()
		s.expect(':')
		f(name)
		if s.accept('}') {
			return
		}
		s.expect(',')
	}
}

// elements calls f at each element of an array.
func (s *scanner) elements(f func()) {
	s.expect('[')
	if s.accept(']') {
		return
	}
	for !s.failed {
		f()
		if s.accept(']') {
			return
		}
		s.expect(',')
	}
}
