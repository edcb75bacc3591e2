package terminal

import (
	"strings"
	"testing"
)

func TestCutLine(t *testing.T) {
	t.Parallel()
	const red, reset = "\x1b[31m", "\x1b[0m"
	for _, tt := range []struct {
		line string
		n    int
		want string
	}{
		{"abcdef", 6, "abcdef"},
		{"abcdef", 5, "abcd…"},
		{"日本語", 6, "日本語"},
		{"日本語", 5, "日本…"},
		{"日本語", 4, "日…"},                  // two columns each
		{"cafe\u0301s", 5, "cafe\u0301s"}, // a letter and its accent take one
		{"👩‍💻 at work", 6, "👩‍💻 at…"},
		{red + "failed" + reset + " job", 10, red + "failed" + reset + " job"},
		{red + "failed" + reset + " job", 9, red + "failed" + reset + " j…" + reset},
		{red + "failed" + reset, 4, red + "fai…" + reset},
	} {
		if got := cutLine(tt.line, tt.n); got != tt.want || visibleWidth(got) > tt.n {
			t.Errorf("%q to %d columns is %q, want %q", tt.line, tt.n, got, tt.want)
		}
	}
}

// TestTableOfWideCharacters: columns are aligned behind characters that take two columns.
func TestTableOfWideCharacters(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := writeAligned(&b, []string{"NAME", "WHAT"}, [][]string{{"日本", "x"}, {"é", "日本語の長い名前"}}, 20); err != nil {
		t.Fatal(err)
	}
	if want := "NAME  WHAT\n日本  x\né     日本語の長い…\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}
