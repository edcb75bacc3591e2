//go:build unix

package e2e

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/errandhq/errand/test/ptytest"
)

// onTerminal runs a client command on a terminal, and returns what the user sees.
func (s *server) onTerminal(args ...string) string {
	s.t.Helper()
	return s.typeOnTerminal("", "", args...)
}

// typeOnTerminal is onTerminal, but types keys once the user sees the text.
func (s *server) typeOnTerminal(text, keys string, args ...string) string {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), errandBin, append(args[:1:1], append([]string{"--server", s.url, "--token-file", s.tokenFile("user")}, args[1:]...)...)...)
	cmd.Env = append(cleanEnv(s.t), "TERM=xterm")
	seen, _, err := ptytest.Screen{Columns: 123, Rows: 45, Text: text, Keys: keys}.Run(cmd)
	if err != nil {
		s.t.Error(err)
	}
	return strings.ReplaceAll(string(seen), "\r\r\n", "\r\n")
}

// TestTerminalIsRestored: what a job has changed in the user's terminal ends with
// errand, also when that is interrupted, and with logs -f, which goes on to the end.
func TestTerminalIsRestored(t *testing.T) {
	t.Parallel()
	s := local(t, "1")
	const change, restored, ctrlC = "\x1b[?1049h\x1b[?25l", "\x1b[?1049l\x1b[?25h", "\x03"
	const command = `printf '\033[?1049h\033[?25l'`
	long := s.submit("--terminal", "--no-source", "-c", command+"; sleep 600")
	for name, seen := range map[string]string{
		"logs -f, Ctrl-C": s.typeOnTerminal(change, ctrlC, "logs", "-f", long),
		"cancelled":       s.output("cancel", long) + s.onTerminal("logs", "-f", long),
		"completed":       s.onTerminal("run", "--no-source", "-c", command),
		"run, Ctrl-C":     s.typeOnTerminal(change, ctrlC, "run", "--no-source", "-c", command+"; sleep 600"),
	} {
		_, after, ok := strings.Cut(seen, change)
		if !ok || strings.Count(after, restored) != 1 {
			t.Errorf("%s: the user sees %q", name, seen)
		}
	}
}

// TestTerminal: errand run on a terminal gives the commands one of that size.
func TestTerminal(t *testing.T) {
	t.Parallel()
	s := local(t, "1")
	const command = `test -t 1 && test -t 2 && stty size <&1; printf '\033[31mred\033[0m\n' >&2; echo plain`
	if seen := s.onTerminal("run", "--no-source", "-c", command); !strings.Contains(seen, "45 123\r\n\x1b[31mred\x1b[0m\r\nplain\r\n") {
		t.Errorf("the user sees %q", seen)
	}
	if seen := s.onTerminal("run", "--no-source", "--no-terminal", "-c", "test -t 1 || echo none"); !strings.Contains(seen, "none\r\n") {
		t.Errorf("with --no-terminal the user sees %q", seen)
	}
	if got := s.output("run", "--no-source", "-c", "test -t 1 || echo none"); got != "none\n" {
		t.Errorf("piped: %q", got)
	}
	id := s.submit("--terminal", "--no-source", "-c", command)
	s.awaitJob(id, "over", ended)
	if got := s.output("logs", id); got != "24 80\nred\nplain\n" {
		t.Errorf("piped log %q", got)
	}
	if got := s.output("logs", "--raw", id); got != "24 80\r\n\x1b[31mred\x1b[0m\r\nplain\r\n" {
		t.Errorf("raw log %q", got)
	}
}
