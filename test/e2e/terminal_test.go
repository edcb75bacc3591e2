//go:build unix

package e2e

import (
	"bytes"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/creack/pty"
)

// onTerminal runs a client command on a terminal, and returns what the user sees.
func (s *server) onTerminal(args ...string) string {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), errandBin, append(args[:1:1], append([]string{"--server", s.url, "--token-file", s.tokenFile("user")}, args[1:]...)...)...)
	cmd.Env = append(cleanEnv(s.t), "TERM=xterm")
	f, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: 123, Rows: 45})
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	var seen bytes.Buffer
	_, _ = io.Copy(&seen, f) // a terminal ends with an error
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		s.t.Error(err)
	}
	return strings.ReplaceAll(seen.String(), "\r\r\n", "\r\n")
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
