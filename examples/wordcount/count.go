package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// Counts says how often each word occurs, in lower case.
type Counts map[string]int

// Count adds the words of r.
func (c Counts) Count(r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		for _, w := range strings.FieldsFunc(lines.Text(), isBreak) {
			c[strings.ToLower(w)]++
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read words: %w", err)
	}
	return nil
}

// isBreak reports whether r ends a word: an apostrophe inside one doesn't.
func isBreak(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\''
}

// Total is the number of words.
func (c Counts) Total() int {
	total := 0
	for _, n := range c {
		total += n
	}
	return total
}

// Top are the n most frequent words, those of one frequency by the alphabet.
func (c Counts) Top(n int) []string {
	words := slices.SortedFunc(maps.Keys(c), func(a, b string) int {
		return cmp.Or(cmp.Compare(c[b], c[a]), cmp.Compare(a, b))
	})
	return words[:min(n, len(words))]
}
