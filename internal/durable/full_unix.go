//go:build unix

package durable

import (
	"errors"
	"syscall"
)

// IsFull reports whether err says that the disk, or the user's share of it, has no
// room.
func IsFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }
