package kv

import (
	"errors"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// logsAhead has log files grow by zeros, in steps, ahead of what is written: a
// sync after a write within the file is one of its data alone, while one that
// made it longer waits for the file system's journal too, and for whatever
// others have in there. Pebble's reader takes zeros for the end, and Pebble
// uses old logs again, which are long enough.
type logsAhead struct{ vfs.FS }

// logStep is how much longer a log gets at a time.
const logStep = 256 << 10

var zeros [logStep]byte

func (fs logsAhead) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.Create(name, category)
	if err != nil || !strings.HasSuffix(name, ".log") {
		return f, err
	}
	return &logFile{File: f}, nil
}

func (fs logsAhead) ReuseForWrite(from, to string, category vfs.DiskWriteCategory) (vfs.File, error) {
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
func (fs logsAhead) Unwrap() vfs.FS { return fs.FS }

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
