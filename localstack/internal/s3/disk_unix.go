//go:build unix

package s3

import (
	"errors"
	"syscall"
)

// isDiskFull reports whether err says that the disk, or the user's share of it,
// has no room.
func isDiskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
