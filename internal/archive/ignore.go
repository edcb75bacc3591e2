package archive

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

// rules are the ignore patterns for one directory. Those of the directories above
// it come first: the last pattern that matches decides.
type rules []rule

// A rule is one line of a .gitignore or .errandignore.
type rule struct {
	base    string         // directory of the ignore file, with a trailing slash; empty for the top
	re      *regexp.Regexp // matches a path relative to base
	negate  bool
	dirOnly bool
}

// ignored reports whether the path is left out. It doesn't check the directories
// above it: the walk doesn't enter ignored ones.
func (rs rules) ignored(path string, isDir bool) bool {
	for _, r := range slices.Backward(rs) {
		below, ok := strings.CutPrefix(path, r.base)
		if ok && (isDir || !r.dirOnly) && r.re.MatchString(below) {
			return !r.negate
		}
	}
	return false
}

// parseRules parses an ignore file in the directory base ("" or with a trailing
// slash). Like git, it skips patterns that can never match.
//
// https://git-scm.com/docs/gitignore
func parseRules(text []byte, base string) rules {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	var rs rules
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if r, ok := parseRule(line, base); ok {
			rs = append(rs, r)
		}
	}
	return rs
}

func parseRule(line, base string) (rule, bool) {
	if strings.HasPrefix(line, "#") {
		return rule{}, false
	}
	r := rule{base: base}
	line = trimTrailingSpaces(line)
	line, r.negate = strings.CutPrefix(line, "!")
	line, r.dirOnly = strings.CutSuffix(line, "/")
	if line == "" {
		return rule{}, false
	}
	if !strings.Contains(line, "/") {
		line = "**/" + line // a bare name: at any depth
	}
	expr, ok := translate(strings.TrimPrefix(line, "/"))
	if !ok {
		return rule{}, false
	}
	re, err := regexp.Compile(expr)
	r.re = re
	return r, err == nil
}

// trimTrailingSpaces cuts the spaces at the end that aren't escaped by a backslash.
func trimTrailingSpaces(line string) string {
	end := 0
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case ' ':
		case '\\':
			i++
			end = min(i+1, len(line))
		default:
			end = i + 1
		}
	}
	return line[:end]
}

// translate converts a gitignore pattern to an anchored regular expression.
func translate(p string) (expr string, ok bool) {
	var b strings.Builder
	b.WriteString(`(?s)^`)
	for i := 0; i < len(p); {
		rest := p[i:]
		atStart := i == 0 || p[i-1] == '/'
		switch {
		case atStart && strings.HasPrefix(rest, "**/"):
			b.WriteString(`(?:.*/)?`)
			i += len("**/")
		case atStart && rest == "**":
			b.WriteString(`.+`)
			i = len(p)
		case rest[0] == '*':
			b.WriteString(`[^/]*`)
			i += len(rest) - len(strings.TrimLeft(rest, "*"))
		case rest[0] == '?':
			b.WriteString(`[^/]`)
			i++
		case rest[0] == '[':
			class, n := translateClass(rest)
			if n == 0 {
				return "", false
			}
			b.WriteString(class)
			i += n
		case rest[0] == '\\':
			if len(rest) == 1 {
				return "", false
			}
			b.WriteString(regexp.QuoteMeta(rest[1:2]))
			i += 2
		default:
			b.WriteString(regexp.QuoteMeta(rest[:1]))
			i++
		}
	}
	b.WriteString(`$`)
	return b.String(), true
}

// translateClass converts the bracket expression that p begins with, and returns
// its length; 0 if it has no end. A bracket expression never matches a slash.
func translateClass(p string) (expr string, n int) {
	var b strings.Builder
	b.WriteByte('[')
	i := 1
	if i < len(p) && (p[i] == '!' || p[i] == '^') {
		b.WriteString("^/")
		i++
	}
	for first := true; i < len(p); first = false {
		switch c := p[i]; {
		case c == ']' && !first:
			b.WriteByte(']')
			return b.String(), i + 1
		case strings.HasPrefix(p[i:], "[:"):
			end := strings.Index(p[i:], ":]")
			if end < 0 {
				return "", 0
			}
			b.WriteString(p[i : i+end+2])
			i += end + 2
			continue
		case c == '\\' && i+1 < len(p):
			i++
			b.WriteString(`\` + p[i:i+1])
		case c == '-':
			b.WriteByte('-')
		case c == '/':
		case c == '[' || c == ']' || c == '\\' || c == '^' || c == '&' || c == '~':
			b.WriteString(`\` + string(c))
		default:
			b.WriteByte(c)
		}
		i++
	}
	return "", 0
}
