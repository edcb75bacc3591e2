package terminal

import (
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

func TestShortTexts(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		FormatDuration(-time.Second):            "0s",
		FormatDuration(1234 * time.Microsecond): "1ms",
		FormatDuration(1234 * time.Millisecond): "1.2s",
		FormatDuration(61 * time.Second):        "1m1s",
		FormatDuration(90 * time.Minute):        "90m",
		FormatDuration(47 * time.Hour):          "47h",
		FormatDuration(100 * time.Hour):         "4d",
		FormatBytes(999):                        "999 bytes",
		FormatBytes(34_560):                     "34.6 kB",
		FormatBytes(5 << 30):                    "5.4 GB",
		FirstLine("a\tb", 10):                   "a b",
		FirstLine("abcdef", 4):                  "abc…",
		FirstLine("one\ntwo", 10):               "one …",
		ReplaceControls("a\x1b[2Jb\u009b"):      "a�[2Jb�",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestHintForTakenPort(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, err = net.Listen("tcp", taken.Addr().String())
	hint := New(io.Discard, io.Discard, os.Getenv).HintOf(err)
	if err == nil || !strings.Contains(hint, "--addr 127.0.0.1:0") {
		t.Errorf("got %v, hint %q", err, hint)
	}
}

// TestOutputAndMessages: what errand prints begins on a line of its own and in the
// terminal's colors, and the job's output stays as it is.
func TestOutputAndMessages(t *testing.T) {
	t.Parallel()
	const red, reset = "\x1b[31m", "\x1b[0m"
	type write func(*Terminal)
	out := func(s string) write { return func(t *Terminal) { _ = t.WriteStdout([]byte(s)) } }
	errs := func(s string) write { return func(t *Terminal) { _ = t.WriteStderr([]byte(s)) } }
	message := func(s string) write { return func(t *Terminal) { _ = t.WriteMessage(s) } }
	note := func(t *Terminal) { t.Notef("end") }
	table := func(t *Terminal) { t.NoteTable([]string{"#", "EXIT"}, [][]string{{"1", "0"}}) }
	for _, tt := range []struct {
		name   string
		tty    bool
		writes []write
		want   string // of both together
		stderr string // where they are two
	}{
		{"summary", false, []write{out("no newline"), table, note}, "no newline\n#  EXIT\n1  0\nerrand: end\n", "#  EXIT\n1  0\nerrand: end\n"},
		{"whole lines", false, []write{out("a\n"), errs("b\n"), note}, "a\nb\nerrand: end\n", "b\nerrand: end\n"},
		{"stderr", false, []write{errs("abc"), note}, "abc\nerrand: end\n", "abc\nerrand: end\n"},
		{"next command", false, []write{out("abc"), message("$ echo def\n"), out("def\n")}, "abc\n$ echo def\ndef\n", "$ echo def\n"},
		{"message in parts", false, []write{out("abc"), message("$ ec"), message("ho\n"), note}, "abc\n$ echo\nerrand: end\n", "$ echo\nerrand: end\n"},
		{"unfinished message", false, []write{message("$ ec"), note}, "$ ec\nerrand: end\n", "$ ec\nerrand: end\n"},
		{"output in parts", false, []write{out("a"), errs("b"), out("c"), note}, "abc\nerrand: end\n", "b\nerrand: end\n"},
		{"colors in a file", false, []write{out(red + "a\n"), note}, red + "a\nerrand: end\n", "errand: end\n"},
		{"colors left on", true, []write{out(red + "a\n"), note, note}, red + "a\n" + reset + "errand: end\nerrand: end\n", "errand: end\nerrand: end\n"},
		{"colors left on in a line", true, []write{errs(red + "a"), message("$ b\n")}, red + "a" + reset + "\n$ b\n", red + "a" + reset + "\n$ b\n"},
	} {
		var both, stdout, stderr strings.Builder
		one, two := New(&both, &both, os.Getenv), New(&stdout, &stderr, os.Getenv)
		one.stderrTTY, two.stderrTTY = tt.tty, tt.tty
		for _, w := range tt.writes {
			w(one)
			w(two)
		}
		if both.String() != tt.want || stderr.String() != tt.stderr {
			t.Errorf("%s: %q, want %q; stderr %q, want %q", tt.name, both.String(), tt.want, stderr.String(), tt.stderr)
		}
	}
}
