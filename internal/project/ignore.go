package project

import (
	"bytes"
	"slices"
	"strings"
)

// rules are the ignore patterns for one folder. Those of the folders above it come
// first: the last pattern that matches decides.
type rules []rule

// A rule is one line of a .gitignore or .errandignore.
//
// https://git-scm.com/docs/gitignore
type rule struct {
	base    string // folder of the ignore file, with a trailing slash; empty for the top
	pattern string
	literal int // length of the pattern's begin without special characters
	name    bool
	suffix  bool // the pattern is "*" and a literal
	negate  bool
	dirOnly bool
}

// last returns the index of the rule that decides about the path, or -1. It doesn't
// check the folders above the path: the walk doesn't enter ignored ones.
func (rs rules) last(path string, isDir bool) int {
	for i, r := range slices.Backward(rs) {
		below, ok := strings.CutPrefix(path, r.base)
		if ok && (isDir || !r.dirOnly) && r.matches(below) {
			return i
		}
	}
	return -1
}

// ignored reports whether the path is left out.
func (rs rules) ignored(path string, isDir bool) bool {
	i := rs.last(path, isDir)
	return i >= 0 && !rs[i].negate
}

// matches decides as match_basename and match_pathname in git's dir.c do.
func (r *rule) matches(below string) bool {
	if r.name {
		base := below[strings.LastIndexByte(below, '/')+1:]
		switch {
		case r.literal == len(r.pattern):
			return base == r.pattern
		case r.suffix:
			return strings.HasSuffix(base, r.pattern[1:])
		}
		return wildmatch(r.pattern, base)
	}
	rest, ok := strings.CutPrefix(below, r.pattern[:r.literal])
	if !ok {
		return false
	}
	// As in git, the rest is a pattern of its own: "a**/b" is read as "a", then "**/b".
	return wildmatch(r.pattern[r.literal:], rest)
}

// parseRules parses an ignore file in the folder base ("" or with a trailing slash).
func parseRules(text []byte, base string) rules {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	var rs rules
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		line, _, _ = strings.Cut(line, "\x00")
		if line != "" && line[0] != '#' {
			rs = append(rs, parseRule(trimTrailingSpaces(line), base))
		}
	}
	return rs
}

// special are the characters that end the literal begin of a pattern.
const special = `*?[\`

// parseRule reads a pattern as parse_path_pattern in git's dir.c does.
func parseRule(line, base string) rule {
	r := rule{base: base}
	line, r.negate = strings.CutPrefix(line, "!")
	r.pattern, r.dirOnly = strings.CutSuffix(line, "/")
	r.name = !strings.Contains(r.pattern, "/")
	r.suffix = strings.HasPrefix(line, "*") && !strings.ContainsAny(line[1:], special)
	r.pattern = strings.TrimPrefix(r.pattern, "/")
	if r.literal = strings.IndexAny(r.pattern, special); r.literal < 0 {
		r.literal = len(r.pattern)
	}
	return r
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
