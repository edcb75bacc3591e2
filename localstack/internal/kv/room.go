package kv

import (
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// ErrFull is what writes are refused with when the disk is full, or nearly.
var ErrFull = errors.New("the disk is full")

// reserve is how many bytes of the disk are left free: a log that can't be
// written ends the store, so writes are refused while it still can be.
const reserve = 64 << 20

// checkEvery is how many bytes or, where they are small, writes go by between
// two looks at the disk.
const (
	checkBytes  = 4 << 20
	checkWrites = 256
)

// room watches the free space of the disk that dir is on.
type room struct {
	fs     vfs.FS
	dir    string
	full   atomic.Bool
	bytes  atomic.Int64 // since the last look
	writes atomic.Int64
}

// use notes a write.
func (r *room) use(n int) {
	r.bytes.Add(int64(n))
	r.writes.Add(1)
}

// check looks at the disk when it is time, and each time while it was full.
func (r *room) check() error {
	if r.full.Load() || r.bytes.Load() >= checkBytes || r.writes.Load() >= checkWrites {
		r.bytes.Store(0)
		r.writes.Store(0)
		r.full.Store(r.isFull())
	}
	if r.full.Load() {
		return fmt.Errorf("%w: less than %d MiB are free in %s; free some", ErrFull, reserve>>20, r.dir)
	}
	return nil
}

// isFull is false where the file system doesn't say.
func (r *room) isFull() bool {
	u, err := r.fs.GetDiskUsage(r.dir)
	return err == nil && u.AvailBytes < min(reserve, u.TotalBytes/16)
}

// translate names what a caller can do something about.
func translate(err error) error {
	if errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}
