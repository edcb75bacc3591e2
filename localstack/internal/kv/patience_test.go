package kv_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/errandhq/errand/localstack/internal/kv"
)

// logLines collects what a store logs. waits is closed when it says that it waits.
type logLines struct {
	waits chan struct{}

	mu    sync.Mutex
	lines []string
}

func newLogLines() *logLines { return &logLines{waits: make(chan struct{})} }

func (l *logLines) logf(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	line := fmt.Sprintf(format, args...)
	if strings.HasPrefix(line, "the store waits") && len(l.lines) == 0 {
		close(l.waits)
	}
	l.lines = append(l.lines, line)
}

// writeMany writes more than fits in the store's memory, so that it must begin new logs
// and write tables. It stops at the first error.
func writeMany(s *kv.Store, prefix string) (keys []string, err error) {
	value := []byte(strings.Repeat("0123456789abcdef", 4<<10))
	for i := range 64 {
		key := fmt.Sprintf("%s-%d", prefix, i)
		b := s.NewBatch()
		b.Set(s.Space('x'), []byte(key), value)
		if err := b.Commit(); err != nil {
			return keys, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// wantAll opens the file system's store again and looks for what was acknowledged.
func wantAll(t *testing.T, fs vfs.FS, keys []string) {
	t.Helper()
	s := open2(t, fs)
	defer s.Close()
	for _, key := range keys {
		if !has(t, s, key) {
			t.Errorf("%s was acknowledged and is gone", key)
		}
	}
}

// TestScarceDescriptors: while the process has no descriptors left, writes wait and
// reads go on; nothing panics, and the log has two lines.
func TestScarceDescriptors(t *testing.T) {
	t.Parallel()
	for _, scarce := range []error{syscall.EMFILE, syscall.ENFILE} {
		t.Run(scarce.Error(), func(t *testing.T) {
			t.Parallel()
			var fails atomic.Bool
			mem, log := vfs.NewMem(), newLogLines()
			fs := faulty(mem, func(op errorfs.Op) error {
				if fails.Load() && (op.Kind == errorfs.OpCreate || op.Kind == errorfs.OpReuseForWrite || op.Kind == errorfs.OpOpenDir) {
					return &os.PathError{Op: "open", Path: op.Path, Err: scarce}
				}
				return nil
			})
			s, err := kv.Open("db", kv.Options{FS: fs, Logf: log.logf})
			if err != nil {
				t.Fatal(err)
			}
			if err := set(s, "before"); err != nil {
				t.Fatal(err)
			}
			fails.Store(true)
			var keys []string
			done := make(chan error)
			go func() {
				var err error
				keys, err = writeMany(s, "during")
				done <- err
			}()
			<-log.waits
			if !has(t, s, "before") || !errors.Is(s.Stalled(), scarce) {
				t.Errorf("Stalled: %v", s.Stalled())
			}
			fails.Store(false)
			if err := <-done; err != nil {
				t.Errorf("a write that had to wait: %v", err)
			}
			if err := errors.Join(s.Stalled(), s.Writable(), s.Close()); err != nil {
				t.Error(err)
			}
			if len(log.lines) > 4 {
				t.Errorf("%d log lines:\n%s", len(log.lines), strings.Join(log.lines, "\n"))
			}
			wantAll(t, mem, append(keys, "before"))
		})
	}
}

// TestFullDiskPasses: on a full disk writes are refused, reads go on, and when there is
// room the store goes on by itself: also where the file system doesn't tell that it is
// full, as with a quota.
func TestFullDiskPasses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		err  syscall.Errno
		free uint64 // that the full disk tells
	}{
		{"full", syscall.ENOSPC, 0},
		{"over quota", syscall.EDQUOT, 1 << 40},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var full atomic.Bool
			mem, log := vfs.NewMem(), newLogLines()
			disk := &smallDisk{FS: faulty(mem, func(op errorfs.Op) error {
				grows := op.Kind == errorfs.OpCreate || op.Kind == errorfs.OpFileWriteAt && isLog(op) || op.Kind == errorfs.OpFileWrite && !isLog(op)
				if full.Load() && grows {
					return &os.PathError{Op: "write", Path: op.Path, Err: tt.err}
				}
				return nil
			})}
			disk.free.Store(1 << 40)
			s, err := kv.Open("db", kv.Options{FS: disk, Logf: log.logf})
			if err != nil {
				t.Fatal(err)
			}
			keys, err := writeMany(s, "before")
			if err != nil {
				t.Fatal(err)
			}
			full.Store(true)
			disk.free.Store(tt.free)
			done := make(chan error)
			go func() {
				more, err := writeMany(s, "during")
				keys = append(keys, more...)
				done <- err
			}()
			if tt.free == 0 {
				if err := <-done; !errors.Is(err, kv.ErrFull) {
					t.Errorf("a write on a full disk: %v", err)
				}
			} else {
				<-log.waits
			}
			if !has(t, s, "before-0") || !errors.Is(s.Writable(), kv.ErrFull) {
				t.Errorf("Writable: %v", s.Writable())
			}
			full.Store(false)
			disk.free.Store(1 << 40)
			if tt.free != 0 {
				if err := <-done; err != nil && !errors.Is(err, kv.ErrFull) {
					t.Errorf("a write that had to wait: %v", err)
				}
			}
			if err := s.Applied().WaitThrough(); err != nil {
				t.Error(err)
			}
			more, err := writeMany(s, "after")
			if err = errors.Join(err, s.Close()); err != nil {
				t.Errorf("once there is room: %v", err)
			}
			if len(log.lines) > 4 {
				t.Errorf("%d log lines:\n%s", len(log.lines), strings.Join(log.lines, "\n"))
			}
			wantAll(t, mem, append(keys, more...))
		})
	}
}
