//go:build unix

package kv

import "syscall"

// lockHeld are the errors of fcntl(F_SETLK) for a lock that another process holds.
var lockHeld = []syscall.Errno{syscall.EAGAIN, syscall.EACCES}
