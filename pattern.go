package errand

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode/utf8"
)

// maxPatternDepth is how many elements a pattern may have.
const maxPatternDepth = 60

// A Pattern matches paths of files: see ParsePattern.
type Pattern struct {
	text     string
	elements []string
}

// ParsePattern reads a pattern of paths that are relative to a job's folder. In an
// element, * matches any characters, ? one, and [a-z] one of a range; the element **
// matches any number of folders. A pattern that matches a folder matches all below it.
func ParsePattern(text string) (Pattern, error) {
	switch {
	case text == "":
		return Pattern{}, errors.New("the pattern is empty")
	case len(text) > MaxArtifactPathBytes:
		return Pattern{}, fmt.Errorf("the pattern is %d bytes long; the limit is %d", len(text), MaxArtifactPathBytes)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return Pattern{}, errors.New("the pattern must be UTF-8 without control characters")
	case strings.HasPrefix(text, "/"), strings.HasPrefix(text, "~"), len(text) > 1 && text[1] == ':':
		return Pattern{}, fmt.Errorf("%q is not relative to the job's folder", text)
	case strings.Contains(text, `\`):
		return Pattern{}, fmt.Errorf(`%q has a backslash; use / between folders, and [*] for a character that is special`, text)
	}
	p := Pattern{text: text}
	for e := range strings.SplitSeq(text, "/") {
		switch _, err := path.Match(e, ""); {
		case e == "" || e == ".":
			continue
		case e == "..":
			return Pattern{}, fmt.Errorf("%q leads out of the job's folder", text)
		case err != nil:
			return Pattern{}, fmt.Errorf("%q has a [ without its end, or an empty range", text)
		}
		p.elements = append(p.elements, e)
	}
	if len(p.elements) > maxPatternDepth {
		return Pattern{}, fmt.Errorf("the pattern has %d elements; the limit is %d", len(p.elements), maxPatternDepth)
	}
	return p, nil
}

func (p Pattern) String() string { return p.text }

// Match reports whether the pattern matches the clean path or a folder above it.
func (p Pattern) Match(name string) bool {
	_, matched := p.walk(name)
	return matched
}

// MayMatchBelow reports whether the pattern may match a path below the folder; "." is
// the job's.
func (p Pattern) MayMatchBelow(dir string) bool {
	if dir == "." {
		return true
	}
	states, matched := p.walk(dir)
	return matched || states != 0
}

// walk matches the elements of name one by one. A bit of states is set for each number
// of the pattern's elements that may have matched so far.
func (p Pattern) walk(name string) (states uint64, matched bool) {
	states = p.skip(1)
	end := uint64(1) << len(p.elements)
	for e := range strings.SplitSeq(name, "/") {
		if states&end != 0 {
			return states, true
		}
		var next uint64
		for i, element := range p.elements {
			if states&(1<<i) == 0 {
				continue
			}
			if element == "**" {
				next |= 1 << i
			} else if ok, _ := path.Match(element, e); ok {
				next |= 1 << (i + 1)
			}
		}
		states = p.skip(next)
	}
	return states, states&end != 0
}

// skip adds the states that are reached because ** matches no folder.
func (p Pattern) skip(states uint64) uint64 {
	for i, element := range p.elements {
		if element == "**" && states&(1<<i) != 0 {
			states |= 1 << (i + 1)
		}
	}
	return states
}
