package kv

import (
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// trackedFS tells a syncTracker of each sync of a log or a manifest.
type trackedFS struct {
	vfs.FS
	tracker *syncTracker
}

func (fs trackedFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.Create(name, category)
	return fs.track(name, f, err)
}

func (fs trackedFS) ReuseForWrite(from, to string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.ReuseForWrite(from, to, category)
	return fs.track(to, f, err)
}

// Unwrap implements vfs.FS.
func (fs trackedFS) Unwrap() vfs.FS { return fs.FS }

func (fs trackedFS) track(name string, f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return f, err
	}
	base := fs.PathBase(name)
	if n, ok := logNumber(base); ok {
		return &trackedFile{File: f, tracker: fs.tracker, of: &fs.tracker.state.log, written: extent{number: n}}, nil
	}
	if n, ok := manifestNumber(base); ok {
		return &trackedFile{File: f, tracker: fs.tracker, of: &fs.tracker.state.manifest, written: extent{number: n}}, nil
	}
	return f, nil
}

const manifestPrefix = "MANIFEST-"

func logNumber(base string) (uint64, bool) {
	digits, ok := strings.CutSuffix(base, ".log")
	return number(digits, ok)
}

func manifestNumber(base string) (uint64, bool) {
	digits, ok := strings.CutPrefix(base, manifestPrefix)
	return number(digits, ok)
}

func number(digits string, ok bool) (uint64, bool) {
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, ok && err == nil
}

// A trackedFile is written from its beginning to its end, by one goroutine.
type trackedFile struct {
	vfs.File
	tracker *syncTracker
	of      *extent // of the tracker's state
	written extent
	broken  bool // a write failed: the file's content isn't known
}

func (f *trackedFile) Write(p []byte) (int, error) {
	sum := crc32.Update(f.written.sum, castagnoli, p) // before Write, which may change p
	n, err := f.File.Write(p)
	if err != nil || n < len(p) {
		f.broken = true
	}
	f.written.size += int64(n)
	f.written.sum = sum
	return n, err
}

func (f *trackedFile) Sync() error     { return f.synced(f.File.Sync()) }
func (f *trackedFile) SyncData() error { return f.synced(f.File.SyncData()) }

func (f *trackedFile) synced(err error) error {
	if err == nil && !f.broken {
		f.tracker.record(f.of, f.written)
	}
	return err
}
