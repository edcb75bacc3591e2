package kv_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/errandhq/errand/localstack/internal/kv"
)

// faulty is a file system that fails as the test says.
func faulty(fs vfs.FS, fail func(op errorfs.Op) error) vfs.FS {
	return errorfs.Wrap(fs, errorfs.InjectorFunc(fail))
}

func isLog(op errorfs.Op) bool { return strings.HasSuffix(op.Path, ".log") }

func set(s *kv.Store, key string) error {
	b := s.NewBatch()
	b.Set(s.Space('x'), []byte(key), []byte(key))
	return b.Commit()
}

func has(t *testing.T, s *kv.Store, key string) bool {
	t.Helper()
	_, ok, err := s.Space('x').Get([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

// TestFailedSync: an fsync that failed may not be tried again, since the kernel
// may have dropped what it couldn't write: no write is taken after it.
func TestFailedSync(t *testing.T) {
	for _, broken := range []error{syscall.EIO, syscall.ENOSPC} {
		t.Run(broken.Error(), func(t *testing.T) {
			mem := vfs.NewCrashableMem()
			var fails atomic.Bool
			s, err := kv.Open("db", kv.Options{Logf: t.Logf, FS: faulty(mem, func(op errorfs.Op) error {
				if fails.Load() && isLog(op) && (op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData) {
					fails.Store(false) // once: the next would succeed
					return broken
				}
				return nil
			})})
			if err != nil {
				t.Fatal(err)
			}
			if err := set(s, "before"); err != nil {
				t.Fatal(err)
			}
			fails.Store(true)
			if err := set(s, "during"); !errors.Is(err, broken) {
				t.Errorf("a write whose sync failed: %v", err)
			}
			if err := set(s, "after"); !errors.Is(err, broken) {
				t.Errorf("a write after a failed sync: %v", err)
			}
			if full := errors.Is(s.Writable(), kv.ErrFull); full != errors.Is(broken, syscall.ENOSPC) {
				t.Errorf("Writable: %v", s.Writable())
			}
			_ = s.Close() // says so too
			again := open2(t, mem.CrashClone(vfs.CrashCloneCfg{}))
			defer again.Close()
			if !has(t, again, "before") {
				t.Error("a write that was acknowledged is gone")
			}
		})
	}
}

// TestFailedSyncIsNotTriedAgain: nor by who waits for a write that was applied
// before it, with or without one of its own.
func TestFailedSyncIsNotTriedAgain(t *testing.T) {
	var fails atomic.Bool
	s := open2(t, faulty(vfs.NewMem(), func(op errorfs.Op) error {
		if isLog(op) && (op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData) && fails.CompareAndSwap(true, false) {
			return syscall.EIO // once: the next would succeed
		}
		return nil
	}))
	defer func() { _ = s.Close() }() // says so too
	var pending [2]kv.Pending
	for i := range pending {
		b := s.NewBatch()
		b.Set(s.Space('x'), []byte{byte(i)}, nil)
		var err error
		if pending[i], err = b.Apply(); err != nil {
			t.Fatal(err)
		}
	}
	fails.Store(true)
	for name, p := range map[string]kv.Pending{"the first": pending[0], "the second": pending[1], "all": s.Applied()} {
		for range 2 {
			if err := p.Wait(); !errors.Is(err, syscall.EIO) {
				t.Errorf("%s: %v, want the failure", name, err)
			}
		}
	}
}

func open2(t *testing.T, fs vfs.FS) *kv.Store {
	t.Helper()
	s, err := kv.Open("db", kv.Options{FS: fs, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A small disk is one that tells how much is free.
type smallDisk struct {
	vfs.FS
	free atomic.Uint64
}

func (d *smallDisk) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: d.free.Load(), TotalBytes: 1 << 40}, nil
}

// TestNearlyFullDisk: writes are refused while there is room yet for what the
// store itself needs, reads go on, and all is well once there is space again.
func TestNearlyFullDisk(t *testing.T) {
	disk := &smallDisk{FS: vfs.NewMem()}
	disk.free.Store(1 << 30)
	s := open2(t, disk)
	defer s.Close()
	if err := set(s, "before"); err != nil {
		t.Fatal(err)
	}
	disk.free.Store(1 << 20)
	var err error
	for i := 0; i < 1000 && err == nil; i++ { // it looks now and then
		err = set(s, "during")
	}
	if !errors.Is(err, kv.ErrFull) || !strings.Contains(err.Error(), "free some") {
		t.Errorf("a write on a full disk: %v", err)
	}
	if !has(t, s, "before") {
		t.Error("a read on a full disk found nothing")
	}
	disk.free.Store(1 << 30)
	if err := set(s, "after"); err != nil {
		t.Errorf("a write once there is space: %v", err)
	}
}

// TestOpenOnFullDisk: Open says how much is needed, instead of trying without end.
func TestOpenOnFullDisk(t *testing.T) {
	disk := &smallDisk{FS: vfs.NewMem()}
	disk.free.Store(8 << 20)
	_, err := kv.Open("db", kv.Options{FS: disk, Logf: t.Logf})
	if !errors.Is(err, kv.ErrFull) || !strings.Contains(err.Error(), "8 MiB are free in db, and 32 are needed") {
		t.Errorf("Open: %v", err)
	}
	disk.free.Store(1 << 30)
	if err := open2(t, disk).Close(); err != nil {
		t.Error(err)
	}
}

// TestDamagedStore: the error names the file and says what to do.
func TestDamagedStore(t *testing.T) {
	for _, c := range []struct {
		pattern string
		from    float64 // of the file's length; a quarter of it is overwritten
	}{
		{"*.log", 0.25},
		{"MANIFEST-*", 0},
		{"*.sst", 0.25},
	} {
		t.Run(c.pattern, func(t *testing.T) {
			dir := t.TempDir()
			fill(t, dir)
			damaged := damage(t, dir, c.pattern, c.from)
			err := readAll(t, dir)
			if err == nil {
				t.Fatal("nothing was noticed")
			}
			t.Log(err)
			for _, want := range []string{dir, damaged, "damaged", "restore the directory"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error doesn't say %q", want)
				}
			}
		})
	}
}

// readAll opens the store and reads all of it: a table is looked at when it is
// needed.
func readAll(t *testing.T, dir string) error {
	s, err := kv.Open(dir, kv.Options{Logf: t.Logf})
	if err != nil {
		return err
	}
	defer s.Close()
	return s.Space('x').Scan(nil, nil, func(_, _ []byte) (bool, error) { return true, nil })
}

// damage overwrites a quarter of the latest file of a name, as a disk may that
// rots, and returns the file's number.
func damage(t *testing.T, dir, pattern string, from float64) (number string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no %s in the store: %v", pattern, err)
	}
	name := files[len(files)-1]
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	at := int(from * float64(len(data)))
	for i := range len(data) / 4 {
		data[at+i] ^= 0xa5
	}
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`\d{6}`).FindString(filepath.Base(name))
}

// fill writes a store with tables, and with many writes in its log.
func fill(t *testing.T, dir string) {
	t.Helper()
	s, err := kv.Open(dir, kv.Options{Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	value := []byte(strings.Repeat("0123456789abcdef", 1<<8))
	for i := range 3000 {
		b := s.NewBatch()
		b.Set(s.Space('x'), fmt.Appendf(nil, "key-%d", i), value)
		pending, err := b.Apply()
		if err == nil && i%10 == 0 {
			err = pending.Wait()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
