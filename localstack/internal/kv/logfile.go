package kv

import (
	"errors"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// preallocatedLogs extends log files with zeros, a step at a time, ahead of what
// is written. The sync of a write that makes a file longer waits for the file
// system's journal, and for what other processes have in there; that of a write
// within the file doesn't. Pebble's reader takes zeros for the end of the log.
// Logs that Pebble reuses are long enough.
//
// The zeros are some way ahead, so that the batches which were applied before the disk
// was found to be full have room.
type preallocatedLogs struct {
	vfs.FS
	space    *diskSpace
	patience *patience
}

const (
	preallocateStep  = 256 << 10
	preallocateAhead = 128 << 10
)

var zeros [preallocateStep]byte

func (fs preallocatedLogs) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.Create(name, category)
	if err != nil || !strings.HasSuffix(name, ".log") {
		return f, err
	}
	return &logFile{File: f, fs: fs}, nil
}

func (fs preallocatedLogs) ReuseForWrite(from, to string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.ReuseForWrite(from, to, category)
	if err != nil || !strings.HasSuffix(to, ".log") {
		return f, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &logFile{File: f, fs: fs, size: info.Size()}, nil
}

// Unwrap implements vfs.FS.
func (fs preallocatedLogs) Unwrap() vfs.FS { return fs.FS }

// A logFile is written from its beginning to its end, by one goroutine.
type logFile struct {
	vfs.File
	fs       preallocatedLogs
	at, size int64
}

func (f *logFile) Write(p []byte) (int, error) {
	end := f.at + int64(len(p))
	for f.size < end+preallocateAhead {
		err := f.extend()
		if err != nil && f.size >= end {
			f.fs.space.found(err)
			break
		}
		if err = f.extendPatiently(err); err != nil {
			return 0, err
		}
	}
	n, err := f.File.Write(p)
	f.at += int64(n)
	return n, err
}

func (f *logFile) extend() error {
	n, err := f.WriteAt(zeros[:], f.size)
	f.size += int64(n)
	return err
}

// extendPatiently continues after an extension that ended with err.
func (f *logFile) extendPatiently(err error) error {
	first := true
	return f.fs.patience.retry(func() error {
		if first {
			first = false
			return err
		}
		return f.extend()
	})
}
