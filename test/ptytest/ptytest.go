//go:build unix

// Package ptytest runs a command on a pseudo-terminal, as a user's shell does.
package ptytest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"

	"github.com/creack/pty"
)

// A Screen is a terminal of Columns × Rows, on which a user types Keys once they see Text.
type Screen struct {
	Columns, Rows uint16
	Text, Keys    string
}

// shell runs its arguments and stays until a line is typed. A terminal is hung up when
// the leader of its session exits, and what wasn't read of it by then may be lost: so the
// command must not be the leader. A Ctrl-C ends the command, not the shell.
const shell = `trap : INT; "$@"; code=$?; printf '\000'; read -r _; exit $code`

// end is what the shell writes after the command's output.
const end = '\x00'

// Run runs cmd to its end, and returns what the user sees and the exit code.
func (s Screen) Run(cmd *exec.Cmd) ([]byte, int, error) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		return nil, -1, err
	}
	cmd.Args = append([]string{"sh", "-c", shell, "sh", cmd.Path}, cmd.Args[1:]...)
	cmd.Path = sh
	f, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: s.Columns, Rows: s.Rows})
	if err != nil {
		return nil, -1, err
	}
	defer f.Close()
	seen, err := s.watch(f)
	var exit *exec.ExitError
	if waitErr := cmd.Wait(); !errors.As(waitErr, &exit) {
		err = errors.Join(err, waitErr)
	}
	if err != nil {
		err = fmt.Errorf("%w; the user saw %q", err, seen)
	}
	return seen, cmd.ProcessState.ExitCode(), err
}

// watch returns what is shown until the command has ended.
func (s Screen) watch(f io.ReadWriter) ([]byte, error) {
	var seen []byte
	for part := make([]byte, 4096); ; {
		n, err := f.Read(part)
		seen = append(seen, part[:n]...)
		if output, isEnd := bytes.CutSuffix(seen, []byte{end}); isEnd {
			_, err := io.WriteString(f, "\n")
			return output, err
		}
		if err != nil {
			return seen, fmt.Errorf("read the terminal: %w", err)
		}
		if s.Keys != "" && bytes.Contains(seen, []byte(s.Text)) {
			if _, err := io.WriteString(f, s.Keys); err != nil {
				return seen, fmt.Errorf("type: %w", err)
			}
			s.Keys = ""
		}
	}
}
