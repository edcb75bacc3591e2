package expr

import "strings"

type tokenKind uint8

const (
	tokEOF tokenKind = iota
	tokIdent
	tokName   // #name
	tokValue  // :value
	tokNumber // an index
	tokPunct  // ( ) [ ] . , + - and comparators
	tokBad
)

// A token is a piece of the text: src[start:end].
type token struct {
	kind       tokenKind
	text       string
	start, end int
}

func (t token) is(punct string) bool { return t.kind == tokPunct && t.text == punct }

// isWord reports whether t is the keyword, in any case of letters.
func (t token) isWord(keyword string) bool {
	return t.kind == tokIdent && strings.EqualFold(t.text, keyword)
}

// lex splits the text into tokens, of which the last is the end. A byte that begins
// no token is a bad token, which every grammar refuses.
func lex(src string) []token {
	var toks []token
	for i := 0; ; {
		for i < len(src) && strings.IndexByte(" \t\r\n", src[i]) >= 0 {
			i++
		}
		if i == len(src) {
			return append(toks, token{tokEOF, "<EOF>", i, i})
		}
		kind, n := scan(src[i:])
		toks = append(toks, token{kind, src[i : i+n], i, i + n})
		i += n
	}
}

func scan(s string) (tokenKind, int) {
	switch c := s[0]; {
	case isLetter(c) && c != '_':
		return tokIdent, 1 + run(s[1:], isWordByte)
	case c == '#' || c == ':':
		kind := map[byte]tokenKind{'#': tokName, ':': tokValue}[c]
		n := run(s[1:], isWordByte)
		if n == 0 {
			kind = tokBad
		}
		return kind, 1 + n
	case c == '0':
		return tokNumber, 1 // an index has no leading zero: "01" is two tokens
	case isDigit(c):
		return tokNumber, run(s, isDigit)
	}
	for _, p := range []string{"<=", ">=", "<>"} {
		if strings.HasPrefix(s, p) {
			return tokPunct, 2
		}
	}
	if strings.IndexByte("()[].,=<>+-", s[0]) >= 0 {
		return tokPunct, 1
	}
	return tokBad, 1
}

func run(s string, in func(byte) bool) int {
	n := 0
	for n < len(s) && in(s[n]) {
		n++
	}
	return n
}

func isDigit(c byte) bool    { return c >= '0' && c <= '9' }
func isLetter(c byte) bool   { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' }
func isWordByte(c byte) bool { return isLetter(c) || isDigit(c) }
