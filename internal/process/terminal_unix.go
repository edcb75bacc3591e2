//go:build unix

package process

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"time"

	"github.com/creack/pty"

	"github.com/errandhq/errand"
)

// HasTerminals says whether a Sequence can run commands under a pseudo-terminal.
func HasTerminals([]string) bool { return true }

// canPollTerminals: elsewhere, poll may not know devices.
const canPollTerminals = runtime.GOOS == "linux"

// openTerminal opens a pseudo-terminal: what is written to w can be read from r. It is
// nobody's controlling terminal: this process's session has none to begin with, and a
// process group that isn't a session can't get one. So programs that ask on /dev/tty
// fail at once. Errors: errors.ErrUnsupported.
func openTerminal(t *errand.Terminal, _ []string) (r, w *os.File, _ *console, err error) {
	r, w, err = pty.Open()
	if errors.Is(err, pty.ErrUnsupported) {
		return nil, nil, nil, errors.ErrUnsupported
	}
	if err != nil {
		return nil, nil, nil, err
	}
	if err := pty.Setsize(r, &pty.Winsize{Cols: uint16(t.Columns), Rows: uint16(t.Rows)}); err != nil { //nolint:gosec // at most MaxTerminalSize
		return nil, nil, nil, errors.Join(err, r.Close(), w.Close())
	}
	return r, w, nil, nil
}

// console is what Windows has in place of a terminal's other end.
type console struct{}

func (*console) close() {}

func (*console) end() {}

func (*console) settleTime() time.Duration { return settleTime }

func (*console) output(w io.Writer) io.Writer { return w }

func startUnder(_ *console, cmd *exec.Cmd) error { return cmd.Start() }
