package archive

import (
	"errors"
	"syscall"
)

// errCantResolve is ERROR_CANT_RESOLVE_FILENAME: a circle of symbolic links.
const errCantResolve = syscall.Errno(1921)

// isLoop reports whether a path led in a circle of symbolic links.
func isLoop(err error) bool {
	return errors.Is(err, syscall.ELOOP) || errors.Is(err, errCantResolve)
}
