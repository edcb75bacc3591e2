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
	hint := New(io.Discard, io.Discard, os.Getenv).hint(err)
	if err == nil || !strings.Contains(hint, "--addr 127.0.0.1:0") {
		t.Errorf("got %v, hint %q", err, hint)
	}
}
