package project

import "strings"

// outcome is the result of matching a pattern with a text.
type outcome int

const (
	matched outcome = iota
	differs
	endsEarly     // no longer part of the text can match
	needsStarStar // only a "**" before could match
)

// wildmatch matches bytes, as git's wildmatch.c does with WM_PATHNAME: "*" and "?" match
// no slash, and "**" between slashes does.
func wildmatch(pattern, text string) bool { return match(pattern, text) == matched }

func match(pattern, text string) outcome {
	p := 0
	for ; p < len(pattern); p++ {
		c := pattern[p]
		if text == "" && c != '*' {
			return endsEarly
		}
		switch c {
		case '*':
			return matchStar(pattern, p, text)
		case '?':
			if text[0] == '/' {
				return differs
			}
		case '[':
			n, in := matchClass(pattern[p:], text[0])
			if n == 0 {
				return endsEarly
			}
			if !in || text[0] == '/' {
				return differs
			}
			p += n - 1
		case '\\':
			p++
			if p == len(pattern) || pattern[p] != text[0] {
				return differs
			}
		default:
			if c != text[0] {
				return differs
			}
		}
		text = text[1:]
	}
	if text != "" {
		return differs
	}
	return matched
}

// matchStar matches from the star at p on.
func matchStar(pattern string, p int, text string) outcome {
	rest := strings.TrimLeft(pattern[p:], "*")
	stars := len(pattern) - p - len(rest)
	bounded := (p == 0 || pattern[p-1] == '/') && (rest == "" || rest[0] == '/' || strings.HasPrefix(rest, `\/`))
	crosses := stars > 1 && bounded
	if crosses && strings.HasPrefix(rest, "/") && match(rest[1:], text) == matched {
		return matched // the stars match nothing
	}
	slash := strings.IndexByte(text, '/')
	switch {
	case rest == "" && (crosses || slash < 0):
		return matched
	case rest == "":
		return needsStarStar
	case !crosses && rest[0] == '/':
		if slash < 0 {
			return endsEarly
		}
		return match(rest, text[slash:])
	}
	for i := 0; i <= len(text); i++ {
		switch out := match(rest, text[i:]); {
		case out == differs:
			if !crosses && i < len(text) && text[i] == '/' {
				return needsStarStar
			}
		case !crosses || out != needsStarStar:
			return out
		}
	}
	return endsEarly
}

// matchClass matches the bracket expression that the pattern begins with, and returns
// its length: 0 if it has no end or names no class.
func matchClass(pattern string, c byte) (n int, in bool) {
	i := 1
	at := func(i int) byte { // 0 ends the pattern
		if i < len(pattern) {
			return pattern[i]
		}
		return 0
	}
	negated := at(i) == '!' || at(i) == '^'
	if negated {
		i++
	}
	var before byte // the character that a range may begin with
	for first := true; first || at(i) != ']'; first = false {
		switch {
		case at(i) == '-' && before != 0 && at(i+1) != 0 && at(i+1) != ']':
			if i++; at(i) == '\\' {
				i++
			}
			in = in || before <= c && c <= at(i)
			before = 0
		case at(i) == '[' && at(i+1) == ':':
			length, member, known := matchNamedClass(pattern[i:], c)
			if !known {
				return 0, false
			}
			in = in || member
			before = 0
			if length == 1 { // no ":]": a bracket like any character
				before = '['
			}
			i += length - 1
		default:
			if at(i) == '\\' {
				i++
			}
			in = in || at(i) == c
			before = at(i)
		}
		if at(i) == 0 {
			return 0, false
		}
		i++
	}
	return i + 1, in != negated
}

// matchNamedClass matches a class like "[:alpha:]".
func matchNamedClass(pattern string, c byte) (n int, in, known bool) {
	end := strings.IndexByte(pattern[2:], ']')
	if end < 0 {
		return 0, false, false
	}
	name, ok := strings.CutSuffix(pattern[2:2+end], ":")
	if !ok {
		return 1, c == '[', true
	}
	f := classes[name]
	return 2 + end + 1, f != nil && f(c), f != nil
}

var classes = map[string]func(byte) bool{
	"alnum":  func(c byte) bool { return isLetter(c) || isDigit(c) },
	"alpha":  isLetter,
	"blank":  func(c byte) bool { return c == ' ' || c == '\t' },
	"cntrl":  func(c byte) bool { return c < ' ' || c == 0x7f },
	"digit":  isDigit,
	"graph":  func(c byte) bool { return c > ' ' && c < 0x7f },
	"lower":  func(c byte) bool { return 'a' <= c && c <= 'z' },
	"print":  func(c byte) bool { return c >= ' ' && c < 0x7f },
	"punct":  func(c byte) bool { return c > ' ' && c < 0x7f && !isLetter(c) && !isDigit(c) },
	"space":  func(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' },
	"upper":  func(c byte) bool { return 'A' <= c && c <= 'Z' },
	"xdigit": func(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' },
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
