package bench

import (
	"os"

	"golang.org/x/sys/unix"
)

// datasync is what Pebble does on Linux.
func datasync(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }
