//go:build unix && !linux

package process

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

func newWatcher([]unix.PollFd) (*os.File, error) { return nil, nil } //nolint:nilnil // awaitReady needs none

// awaitReady waits until one of fds is ready.
func awaitReady(_ *os.File, fds []unix.PollFd) error {
	if _, err := unix.Poll(fds, -1); err != nil && !errors.Is(err, unix.EINTR) {
		return err
	}
	return nil
}
