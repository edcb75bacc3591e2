//go:build unix

package identity

import (
	"errors"
	"os"
	"syscall"
)

// tryLock locks f until it is closed, also by the process's death.
func tryLock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrInUse
	}
	return err
}
