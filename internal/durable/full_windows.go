package durable

import (
	"errors"
	"slices"
	"syscall"
)

// fullErrors: ERROR_HANDLE_DISK_FULL, ERROR_DISK_FULL, ERROR_DISK_QUOTA_EXCEEDED, and
// the names that package syscall has for errors of other systems.
var fullErrors = []error{syscall.Errno(39), syscall.Errno(112), syscall.Errno(1295), syscall.ENOSPC, syscall.EDQUOT}

// IsFull reports whether err says that the disk, or the user's share of it, has no
// room.
func IsFull(err error) bool {
	return slices.ContainsFunc(fullErrors, func(full error) bool { return errors.Is(err, full) })
}
