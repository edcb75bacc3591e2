//go:build unix

package archive

import (
	"errors"
	"syscall"
)

// isLoop reports whether a path led in a circle of symbolic links.
func isLoop(err error) bool { return errors.Is(err, syscall.ELOOP) }
