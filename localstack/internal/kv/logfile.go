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
type preallocatedLogs struct{ vfs.FS }

const preallocateStep = 256 << 10

var zeros [preallocateStep]byte

func (fs preallocatedLogs) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.Create(name, category)
	if err != nil || !strings.HasSuffix(name, ".log") {
		return f, err
	}
	return &logFile{File: f}, nil
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
	return &logFile{File: f, size: info.Size()}, nil
}

// Unwrap implements vfs.FS.
func (fs preallocatedLogs) Unwrap() vfs.FS { return fs.FS }

// A logFile is written from its beginning to its end, by one goroutine.
type logFile struct {
	vfs.File
	at, size int64
}

func (f *logFile) Write(p []byte) (int, error) {
	for f.at+int64(len(p)) > f.size {
		n, err := f.WriteAt(zeros[:], f.size)
		f.size += int64(n)
		if err != nil {
			return 0, err
		}
	}
	n, err := f.File.Write(p)
	f.at += int64(n)
	return n, err
}
