package archive

import (
	"bytes"
	"regexp"
	"strings"
)

// rules are the ignore patterns that hold in one directory: those of the
// directories above first, since the last pattern that matches decides.
type rules []rule

// A rule is one line of a .gitignore or .errandignore.
type rule struct {
	base    string         // directory of the file that the line stands in, with a slash behind it; empty: the top
	re      *regexp.Regexp // of the path below base
	negate  bool
	dirOnly bool
}

// ignored reports whether the path is left out. It doesn't ask about the
// directories above it: what is left out is not walked.
func (rs rules) ignored(path string, isDir bool) bool {
	for i := len(rs) - 1; i >= 0; i-- {
		r := &rs[i]
		below, ok := strings.CutPrefix(path, r.base)
		if ok && (isDir || !r.dirOnly) && r.re.MatchString(below) {
			return !r.negate
		}
	}
	return false
}

// parseRules reads an ignore file that stands in the directory base ("" or with
// a slash behind it). The syntax is gitignore(5). A pattern that git could
// never match is left out, as git does.
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

// trimTrailingSpaces cuts the spaces at the end that no backslash keeps.
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

// translate makes an anchored regular expression of a gitignore pattern.
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

// translateClass translates the bracket expression that p begins with, and says
// how long it is; 0 if it never ends. A slash never matches one.
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
