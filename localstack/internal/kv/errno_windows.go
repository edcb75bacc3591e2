package kv

import "syscall"

var (
	noDescriptors = []syscall.Errno{syscall.EMFILE, syscall.ENFILE, 4} // ERROR_TOO_MANY_OPEN_FILES
	lockHeld      = []syscall.Errno{32, 33}                            // ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION
)
