package kv

import "syscall"

var (
	diskFull      = []syscall.Errno{syscall.ENOSPC, 39, 112} // ERROR_HANDLE_DISK_FULL, ERROR_DISK_FULL
	noDescriptors = []syscall.Errno{4}                       // ERROR_TOO_MANY_OPEN_FILES
	lockHeld      = []syscall.Errno{32, 33}                  // ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION
)
