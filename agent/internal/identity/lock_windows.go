package identity

import (
	"errors"
	"os"
	"syscall"
	"unsafe"
)

var lockFileEx = syscall.NewLazyDLL("kernel32.dll").NewProc("LockFileEx")

const (
	lockExclusive   = 2
	failImmediately = 1
	lockViolation   = syscall.Errno(33)
)

// tryLock locks f until it is closed, also by the process's death.
func tryLock(f *os.File) error {
	var o syscall.Overlapped
	ok, _, err := lockFileEx.Call(f.Fd(), lockExclusive|failImmediately, 0, 1, 0, uintptr(unsafe.Pointer(&o)))
	switch {
	case ok != 0:
		return nil
	case errors.Is(err, lockViolation):
		return ErrInUse
	}
	return err
}
