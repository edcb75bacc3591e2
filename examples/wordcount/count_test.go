package main

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func TestCount(t *testing.T) {
	c := Counts{}
	if err := c.Count(strings.NewReader("The cat, the hat;\nit's the cat's.\n")); err != nil {
		t.Fatal(err)
	}
	for word, n := range map[string]int{"the": 3, "cat": 1, "cat's": 1, "it's": 1, "hat": 1} {
		if c[word] != n {
			t.Errorf("%q: counted %d times, want %d", word, c[word], n)
		}
	}
	if c.Total() != 7 {
		t.Errorf("total %d, want 7", c.Total())
	}
}

func TestTop(t *testing.T) {
	c := Counts{"b": 2, "a": 2, "c": 3, "d": 1}
	for n, want := range map[int][]string{0: {}, 3: {"c", "a", "b"}, 9: {"c", "a", "b", "d"}} {
		if got := c.Top(n); !slices.Equal(got, want) {
			t.Errorf("top %d: %q, want %q", n, got, want)
		}
	}
}

func TestCountSaysWhatFailed(t *testing.T) {
	cause := errors.New("the disk is gone")
	if err := (Counts{}).Count(iotest.ErrReader(cause)); !errors.Is(err, cause) {
		t.Errorf("got %v, want %v in its chain", err, cause)
	}
}
