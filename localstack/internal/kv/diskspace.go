package kv

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/internal/durable"
)

// ErrFull is returned by writes while the disk is full, or nearly.
var ErrFull = errors.New("the disk is full")

// ErrStalled, which is an ErrFull, is returned by calls that wait for the disk when it
// fills up in the middle of a write. The batch was applied, and is on disk as soon as
// there is space.
var ErrStalled = fmt.Errorf("%w in the middle of a write", ErrFull)

// reserve is how many bytes of the disk are kept free, for what the store itself must
// write: writes are refused before the disk is full. Of a smaller disk it is a sixteenth,
// but at least smallReserve, which flushes the store's memory, or a quarter.
const (
	reserve      = 64 << 20
	smallReserve = 24 << 20
)

// The disk's free space is looked up again after so many bytes or writes, or so much
// time, in which others may have written.
const (
	checkBytes  = 1 << 20
	checkWrites = 256
	checkEvery  = 50 * time.Millisecond
)

// diskSpace watches the free space of the disk that dir is on.
type diskSpace struct {
	fs     vfs.FS
	dir    string
	full   atomic.Bool
	bytes  atomic.Int64 // since the last check
	writes atomic.Int64
	last   atomic.Int64 // when that was, in nanoseconds
}

// use counts a write of n bytes.
func (d *diskSpace) use(n int) {
	d.bytes.Add(int64(n))
	d.writes.Add(1)
}

// check returns ErrFull if too little is free. While the disk is full, each call
// looks it up.
func (d *diskSpace) check() error {
	now := time.Now().UnixNano()
	if d.full.Load() || d.bytes.Load() >= checkBytes || d.writes.Load() >= checkWrites || now-d.last.Load() >= int64(checkEvery) {
		d.bytes.Store(0)
		d.writes.Store(0)
		d.last.Store(now)
		d.full.Store(d.isFull())
	}
	if d.full.Load() {
		return fmt.Errorf("%w: less than %d MiB are free in %s; free some", ErrFull, d.reserve()>>20, d.dir)
	}
	return nil
}

// checkOpen returns ErrFull if the store can't be opened: Pebble writes what is in its
// logs to tables, and tries that again without end.
func (d *diskSpace) checkOpen() error {
	u, err := d.fs.GetDiskUsage(d.dir)
	if need := reserveOf(u.TotalBytes) / 2; err == nil && u.AvailBytes < need {
		return fmt.Errorf("open the store: %w: %d MiB are free in %s, and %d are needed; free some", ErrFull, u.AvailBytes>>20, d.dir, need>>20)
	}
	return nil
}

// found notes that a write failed because the disk is full.
func (d *diskSpace) found(err error) {
	if durable.IsFull(err) {
		d.full.Store(true)
	}
}

// isFull is false if the file system doesn't tell its free space.
func (d *diskSpace) isFull() bool {
	u, err := d.fs.GetDiskUsage(d.dir)
	return err == nil && u.AvailBytes < reserveOf(u.TotalBytes)
}

func (d *diskSpace) reserve() uint64 {
	u, err := d.fs.GetDiskUsage(d.dir)
	if err != nil {
		return reserve
	}
	return reserveOf(u.TotalBytes)
}

func reserveOf(total uint64) uint64 {
	return min(reserve, max(total/16, min(total/4, smallReserve)))
}

// translate makes ErrFull of the operating system's error.
func translate(err error) error {
	if durable.IsFull(err) && !errors.Is(err, ErrFull) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}
