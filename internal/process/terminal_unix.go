//go:build unix

package process

import (
	"errors"
	"os"
	"runtime"

	"github.com/creack/pty"

	"github.com/errandhq/errand"
)

// HasTerminals says whether a Sequence can run commands under a pseudo-terminal.
const HasTerminals = true

// canPollTerminals: elsewhere, poll may not know devices.
const canPollTerminals = runtime.GOOS == "linux"

// openTerminal opens a pseudo-terminal: what is written to w can be read from r. It is
// nobody's controlling terminal: this process's session has none to begin with, and a
// process group that isn't a session can't get one. So programs that ask on /dev/tty
// fail at once. Errors: errors.ErrUnsupported.
func openTerminal(t *errand.Terminal) (r, w *os.File, err error) {
	r, w, err = pty.Open()
	if errors.Is(err, pty.ErrUnsupported) {
		return nil, nil, errors.ErrUnsupported
	}
	if err != nil {
		return nil, nil, err
	}
	if err := pty.Setsize(r, &pty.Winsize{Cols: uint16(t.Columns), Rows: uint16(t.Rows)}); err != nil { //nolint:gosec // at most MaxTerminalSize
		return nil, nil, errors.Join(err, r.Close(), w.Close())
	}
	return r, w, nil
}
