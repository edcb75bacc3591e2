package kv

import (
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// witnessed tells the witness of each sync of a log or a manifest.
type witnessed struct {
	vfs.FS
	witness *witness
}

func (fs witnessed) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.Create(name, category)
	return fs.watch(name, f, err)
}

func (fs witnessed) ReuseForWrite(from, to string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.ReuseForWrite(from, to, category)
	return fs.watch(to, f, err)
}

// Unwrap implements vfs.FS.
func (fs witnessed) Unwrap() vfs.FS { return fs.FS }

func (fs witnessed) watch(name string, f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return f, err
	}
	base := fs.PathBase(name)
	if n, ok := logNumber(base); ok {
		return &witnessedFile{File: f, witness: fs.witness, what: &fs.witness.says.log, written: prefix{number: n}}, nil
	}
	if n, ok := manifestNumber(base); ok {
		return &witnessedFile{File: f, witness: fs.witness, what: &fs.witness.says.manifest, written: prefix{number: n}}, nil
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

// A witnessedFile is written from its beginning to its end, by one goroutine.
type witnessedFile struct {
	vfs.File
	witness *witness
	what    *prefix // of the testimony
	written prefix
	broken  bool // a write failed: what is in the file isn't known
}

func (f *witnessedFile) Write(p []byte) (int, error) {
	sum := crc32.Update(f.written.sum, castagnoli, p) // first: Write may change p
	n, err := f.File.Write(p)
	if err != nil || n < len(p) {
		f.broken = true
	}
	f.written.size += int64(n)
	f.written.sum = sum
	return n, err
}

func (f *witnessedFile) Sync() error     { return f.synced(f.File.Sync()) }
func (f *witnessedFile) SyncData() error { return f.synced(f.File.SyncData()) }

func (f *witnessedFile) synced(err error) error {
	if err == nil && !f.broken {
		f.witness.saw(f.what, f.written)
	}
	return err
}
