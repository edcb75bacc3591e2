package kv

import (
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// ErrFull is returned by writes while the disk is full, or nearly.
var ErrFull = errors.New("the disk is full")

// reserve is how many bytes of the disk are kept free. A log that can't be
// written ends the store, so writes are refused before the disk is full.
const reserve = 64 << 20

// The disk's free space is looked up again after so many bytes or writes.
const (
	checkBytes  = 4 << 20
	checkWrites = 256
)

// diskSpace watches the free space of the disk that dir is on.
type diskSpace struct {
	fs     vfs.FS
	dir    string
	full   atomic.Bool
	bytes  atomic.Int64 // since the last check
	writes atomic.Int64
}

// use counts a write of n bytes.
func (d *diskSpace) use(n int) {
	d.bytes.Add(int64(n))
	d.writes.Add(1)
}

// check returns ErrFull if too little is free. While the disk is full, each call
// looks it up.
func (d *diskSpace) check() error {
	if d.full.Load() || d.bytes.Load() >= checkBytes || d.writes.Load() >= checkWrites {
		d.bytes.Store(0)
		d.writes.Store(0)
		d.full.Store(d.isFull())
	}
	if d.full.Load() {
		return fmt.Errorf("%w: less than %d MiB are free in %s; free some", ErrFull, reserve>>20, d.dir)
	}
	return nil
}

// isFull is false if the file system doesn't tell its free space.
func (d *diskSpace) isFull() bool {
	u, err := d.fs.GetDiskUsage(d.dir)
	return err == nil && u.AvailBytes < min(reserve, u.TotalBytes/16)
}

// translate makes ErrFull of the operating system's error.
func translate(err error) error {
	if errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}
