package kv

import "syscall"

// lockHeld are the errors of opening a file that another process has open.
var lockHeld = []syscall.Errno{
	32, // ERROR_SHARING_VIOLATION
	33, // ERROR_LOCK_VIOLATION
}
