//go:build unix

package kv

import "syscall"

var (
	noDescriptors = []syscall.Errno{syscall.EMFILE, syscall.ENFILE}
	// lockHeld are the errors of fcntl(F_SETLK) for a lock that another process holds.
	lockHeld = []syscall.Errno{syscall.EAGAIN, syscall.EACCES}
)
