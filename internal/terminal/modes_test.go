package terminal

import (
	"os"
	"strings"
	"testing"
)

// TestEndOutput: what a command left on in the terminal is ended, and nothing else.
func TestEndOutput(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain\r\n\x1b[31mred\x1b[0m\x1b[2J\x1b[3;4H": "",
		"\x1b[?1049h\x1b[?25l":                        "\x1b[?1049l\x1b[?25h",
		"\x1b[?1049h\x1b[?25l\x1b[?25h\x1b[?1049l":    "",
		"\x1b[?1000;1006h\x1b[?2004h\x1b[?1000l":      "\x1b[?1006l\x1b[?2004l",
		"\x1b[?7l\x1b[?1h\x1b=":                       "\x1b[?7h\x1b[?1l\x1b>",
		"\x1b[?25l\x1b[?25l":                          "\x1b[?25h",
		"\x1b(0lqk\x1b[4h":                            "\x1b(B\x1b[4l",
		"\x1b(0lqk\x1b(B\x1b[4h\x1b[4l":               "",
		"\x1b[2;10r\x1b[4 q":                          "\x1b7\x1b[r\x1b8\x1b[0 q",
		"\x1b[2;10r\x1b[r\x1b[4 q\x1b[0 q":            "",
		"\x1b[>1u\x1b[>4;2m":                          "\x1b[<99u\x1b[>4m",
		"\x1b[>1u\x1b[<u\x1b[>4;2m\x1b[>4m":           "",
		"\x1b[?1049h\x1bc":                            "",
		"\x1b]0;title\a\x1b]8;;http://a/\x1b\\link":   "\x1b]8;;\x1b\\",
		"\x1b]8;;http://a/\x1b\\link\x1b]8;;\x1b\\":   "",
		"\x1b]0;no end":                               "\x18\x1b\\",
		"\x1b[?25l\x1b[3":                             "\x18\x1b\\\x1b[?25h",
		"\x1b[?25\x18l\x1b[\x1b[?1049h":               "\x1b[?1049l",
		"\x1b[?9999h":                                 "",
	} {
		var shown strings.Builder
		term := New(&shown, &shown, os.Getenv)
		term.isTTY, term.stderrTTY = true, true
		for _, b := range []byte(in) {
			if err := term.WriteStdout([]byte{b}); err != nil {
				t.Fatal(err)
			}
		}
		term.EndOutput()
		term.EndOutput()
		if got := shown.String(); got != in+want {
			t.Errorf("after %q: %q, want %q", in, strings.TrimPrefix(got, in), want)
		}
	}
}

// Two streams end their own changes. What is not a terminal gets nothing.
func TestEndOutputOfTwo(t *testing.T) {
	t.Parallel()
	var stdout, stderr strings.Builder
	term := New(&stdout, &stderr, os.Getenv)
	term.stderrTTY = true
	for _, write := range []func([]byte) error{term.WriteStdout, term.WriteStderr} {
		if err := write([]byte("\x1b[?25l\x1b]0;")); err != nil {
			t.Fatal(err)
		}
	}
	term.Notef("a message")
	term.EndOutput()
	if got, want := stderr.String(), "\x1b[?25l\x1b]0;\x18\x1b\\\x1b[0m\nerrand: a message\n\x1b[?25h"; got != want {
		t.Errorf("stderr %q, want %q", got, want)
	}
	if got, want := stdout.String(), "\x1b[?25l\x1b]0;"; got != want {
		t.Errorf("stdout %q, want %q", got, want)
	}
}
