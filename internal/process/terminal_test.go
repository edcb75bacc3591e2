//go:build unix

package process_test

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/process"
)

// onTerminal runs shell commands under a terminal and returns what they wrote.
func onTerminal(t *testing.T, lines ...string) (string, []process.Step, error) {
	t.Helper()
	out := newLine()
	s := process.Sequence{
		Commands: shell(lines...), Dir: t.TempDir(), Env: process.Env{Host: process.CurrentHost(os.Getenv), Temp: t.TempDir(), Terminal: true}.Build(),
		Terminal: &errand.Terminal{Columns: 97, Rows: 31},
		Output: func(_ int, s errand.Stream) io.Writer {
			if s == errand.Stderr {
				return nil
			}
			return out
		},
	}
	steps, err := s.Run(t.Context())
	return out.String(), steps, err
}

// Commands see a terminal of the size that was asked for on stdout and stderr, and none
// on stdin. Both streams are one, in the order of writing.
func TestTerminal(t *testing.T) {
	t.Parallel()
	out, steps, err := onTerminal(t,
		"test -t 0 || test ! -t 1 || test ! -t 2 || stty size <&1",
		"i=0; while test $i -lt 50; do i=$((i+1)); echo out $i; echo err $i >&2; done",
		"echo $TERM $PAGER $GIT_PAGER ${CI-none}; exit 3",
	)
	if err != nil || len(steps) != 3 || steps[2].Code != 3 {
		t.Fatalf("got %+v, %v", steps, err)
	}
	var want strings.Builder
	want.WriteString("31 97\r\n")
	for i := range 50 {
		for _, stream := range []string{"out ", "err "} {
			want.WriteString(stream + string(rune('0'+(i+1)/10)) + string(rune('0'+(i+1)%10)) + "\r\n")
		}
	}
	want.WriteString("xterm-256color cat cat none\r\n")
	if got := strings.ReplaceAll(want.String(), " 0", " "); got != out {
		t.Errorf("got %q, want %q", out, got)
	}
}

// Programs that ask for a password ask the terminal, on stdin or on /dev/tty. Neither
// hangs.
func TestPromptsFailAtOnce(t *testing.T) {
	t.Parallel()
	start := time.Now()
	out, steps, err := onTerminal(t, "read -r answer || echo no input", "echo question >/dev/tty || echo no terminal", "read -r answer </dev/tty || echo nobody answers")
	if err != nil || len(steps) == 0 {
		t.Fatalf("got %+v, %v", steps, err)
	}
	for _, want := range []string{"no input", "no terminal", "nobody answers"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in %q", want, out)
		}
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("it took %v", took)
	}
}

// A background process that keeps the terminal open ends with the commands, and what
// it wrote is kept.
func TestTerminalInTheBackground(t *testing.T) {
	t.Parallel()
	out, _, err := onTerminal(t, "(echo in the background; sleep 600) &", "sleep 0.1; echo last")
	if err != nil || !strings.Contains(out, "in the background\r\n") || !strings.HasSuffix(out, "last\r\n") {
		t.Errorf("got %q, %v", out, err)
	}
}
