package kv

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/internal/backoff"
	"github.com/errandhq/errand/internal/durable"
)

// patience waits for what passes: a full disk, and a process without free descriptors.
//
// Pebble ends the program if it can't create or write a log or its manifest, so those
// operations are tried again until they succeed. It repeats failed flushes and
// compactions at once, so those pause.
type patience struct {
	logf func(format string, args ...any)

	mu       sync.Mutex
	open     bool  // the store is: before, a failure is the error of Open
	waiting  int   // operations
	reason   error // of the latest failure; nil: no operation waits
	failures int   // of flushes and compactions, in a row

	full chan struct{} // closed while an operation waits because the disk is full
}

func newPatience(logf func(format string, args ...any)) *patience {
	return &patience{logf: logf, full: make(chan struct{})}
}

var (
	retryDelay = backoff.Policy{Min: 10 * time.Millisecond, Max: time.Second}
	pauseDelay = backoff.Policy{Min: 20 * time.Millisecond, Max: 5 * time.Second}
)

// readTries is how often a file is opened for reading while descriptors are missing:
// for some seconds.
const readTries = 10

// opened begins the patience.
func (p *patience) opened() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = true
}

// stalled returns why operations wait; nil if none does.
func (p *patience) stalled() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reason
}

// stalledByDisk returns a channel that is closed while operations wait for space.
func (p *patience) stalledByDisk() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.full
}

// retry calls op until it succeeds, or fails for a reason that doesn't pass.
func (p *patience) retry(op func() error) error {
	for n := 1; ; n++ {
		err := op()
		if n == 1 && !p.begin(err) {
			return err
		}
		if !isScarce(err) {
			p.end()
			return err
		}
		p.note(err)
		time.Sleep(retryDelay.Delay(n, 0))
	}
}

// begin reports whether an operation that failed with err is worth waiting.
func (p *patience) begin(err error) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.open || !isScarce(err) {
		return false
	}
	p.waiting++
	return true
}

func (p *patience) note(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reason == nil {
		logger{p.logf}.Errorf("the store waits until it can write: %v", err)
	}
	if durable.IsFull(err) && !errors.Is(p.reason, ErrFull) {
		close(p.full)
	}
	if !durable.IsFull(err) && errors.Is(p.reason, ErrFull) {
		p.full = make(chan struct{})
	}
	p.reason = translate(err)
}

func (p *patience) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting--; p.waiting == 0 && p.reason != nil {
		if errors.Is(p.reason, ErrFull) {
			p.full = make(chan struct{})
		}
		p.reason = nil
		logger{p.logf}.Errorf("the store can write again")
	}
}

// pause delays an error that Pebble would repeat at once.
func (p *patience) pause(err error) error {
	p.mu.Lock()
	if !isScarce(err) {
		p.failures = 0
		p.mu.Unlock()
		return err
	}
	p.failures++
	delay := pauseDelay.Delay(p.failures, 0)
	p.mu.Unlock()
	time.Sleep(delay)
	return err
}

// isScarce reports whether err says that space or descriptors are missing.
func isScarce(err error) bool { return durable.IsFull(err) || hasErrno(err, noDescriptors) }

func hasErrno(err error, of []syscall.Errno) bool {
	var number syscall.Errno
	return errors.As(err, &number) && slices.Contains(of, number)
}

// patientFS is a file system whose operations have patience.
type patientFS struct {
	vfs.FS
	*patience
}

// isEssential reports whether Pebble ends the program if it can't write the file.
func isEssential(fs vfs.FS, name string) bool {
	base := fs.PathBase(name)
	return strings.HasSuffix(base, ".log") || strings.HasPrefix(base, manifestPrefix) || isMarker(base)
}

func (fs patientFS) Create(name string, category vfs.DiskWriteCategory) (f vfs.File, err error) {
	create := func() error {
		f, err = fs.FS.Create(name, category)
		return err
	}
	return fs.created(name, create, &f)
}

func (fs patientFS) ReuseForWrite(from, to string, category vfs.DiskWriteCategory) (f vfs.File, err error) {
	reuse := func() error {
		f, err = fs.FS.ReuseForWrite(from, to, category)
		return err
	}
	return fs.created(to, reuse, &f)
}

// created makes a file with create, which sets f.
func (fs patientFS) created(name string, create func() error, f *vfs.File) (vfs.File, error) {
	if !isEssential(fs.FS, name) {
		if err := fs.pause(create()); err != nil {
			return nil, err
		}
		return pausingFile{*f, fs.patience}, nil
	}
	if err := fs.retry(create); err != nil {
		return nil, err
	}
	return patientFile{*f, fs.patience}, nil
}

func (fs patientFS) OpenDir(name string) (f vfs.File, err error) {
	err = fs.retry(func() error {
		f, err = fs.FS.OpenDir(name)
		return err
	})
	return f, err
}

// Open is for reading: a reader waits for a descriptor, but not for long.
func (fs patientFS) Open(name string, opts ...vfs.OpenOption) (f vfs.File, err error) {
	for n := 1; ; n++ {
		f, err = fs.FS.Open(name, opts...)
		if err == nil || n == readTries || !isScarce(err) {
			return f, err
		}
		time.Sleep(retryDelay.Delay(n, 0))
	}
}

// Unwrap implements vfs.FS.
func (fs patientFS) Unwrap() vfs.FS { return fs.FS }

// patientFile is a log, the manifest or a marker.
type patientFile struct {
	vfs.File
	patience *patience
}

func (f patientFile) Write(data []byte) (n int, err error) {
	err = f.patience.retry(func() error {
		m, err := f.File.Write(data[n:])
		n += m
		return err
	})
	return n, err
}

// pausingFile is a file of a flush or a compaction.
type pausingFile struct {
	vfs.File
	patience *patience
}

func (f pausingFile) Write(data []byte) (int, error) {
	n, err := f.File.Write(data)
	return n, f.patience.pause(err)
}

func (f pausingFile) Sync() error     { return f.patience.pause(f.File.Sync()) }
func (f pausingFile) SyncData() error { return f.patience.pause(f.File.SyncData()) }
