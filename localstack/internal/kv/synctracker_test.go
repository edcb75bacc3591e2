package kv_test

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/errandhq/errand/localstack/internal/kv"
)

// killed returns a copy of the directory of a store as kill -9 leaves it, with n
// acknowledged writes, every seventh larger than a block of the log, and what
// SYNCED held after the third.
func killed(t *testing.T, n int) (dir string, early []byte) {
	t.Helper()
	live := filepath.Join(t.TempDir(), "live")
	s, err := kv.Open(live, kv.Options{Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range n {
		b := s.NewBatch()
		size := 100
		if i%7 == 0 {
			size = 50_000
		}
		b.Set(s.Space('x'), fmt.Appendf(nil, "key-%03d", i), make([]byte, size))
		if err := b.Commit(); err != nil {
			t.Fatal(err)
		}
		if i == 2 {
			if early, err = os.ReadFile(filepath.Join(live, "SYNCED")); err != nil {
				t.Fatal(err)
			}
		}
	}
	return clone(t, live), early
}

func clone(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, unlocked{os.DirFS(dir)}); err != nil {
		t.Fatal(err)
	}
	return to
}

// unlocked is a store's directory without LOCK, which Windows does not let others read.
type unlocked struct{ fs.FS }

func (u unlocked) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(u.FS, name)
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return e.Name() == "LOCK" }), err
}

// the returns the latest file that matches a pattern.
func the(t *testing.T, dir, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no %s: %v", pattern, err)
	}
	return files[len(files)-1]
}

func change(t *testing.T, name string, f func(b []byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, f(b), 0o600); err != nil {
		t.Fatal(err)
	}
}

// written returns how many bytes of a log have been written: all but the zeros at
// its end, some of which may belong to the last record.
func written(b []byte) int { return len(strings.TrimRight(string(b), "\x00")) }

// TestSyncTrackerFindsDamage: damage is found anywhere in acknowledged data,
// whatever follows it. Pebble takes most of it for the end of the log.
func TestSyncTrackerFindsDamage(t *testing.T) {
	dir, _ := killed(t, 30)
	flip := func(at float64) func([]byte) []byte {
		return func(b []byte) []byte {
			b[int(at*float64(written(b)-1))] ^= 0x10
			return b
		}
	}
	for _, c := range []struct {
		name, pattern string
		f             func(b []byte) []byte
	}{
		{"begin", "*.log", flip(0)},
		{"within a large write", "*.log", flip(0.5)},
		{"the latest write", "*.log", flip(1)},
		{"cut off", "*.log", func(b []byte) []byte { return b[:written(b)-40] }},
		{"zeros", "*.log", func(b []byte) []byte { clear(b[written(b)/2:]); return b }},
		{"manifest", "MANIFEST-*", flip(0.5)},
		{"latest edit", "MANIFEST-*", flip(1)},
		{"manifest cut off", "MANIFEST-*", func(b []byte) []byte { return b[:len(b)-1] }},
	} {
		t.Run(c.name, func(t *testing.T) {
			bad := clone(t, dir)
			name := the(t, bad, c.pattern)
			change(t, name, c.f)
			wantDamage(t, bad, filepath.Base(name))
		})
	}
	t.Run("no log", func(t *testing.T) {
		bad := clone(t, dir)
		name := the(t, bad, "*.log")
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
		wantDamage(t, bad, filepath.Base(name))
	})
}

func wantDamage(t *testing.T, dir, file string) {
	t.Helper()
	s, err := kv.Open(dir, kv.Options{Logf: t.Logf})
	if err == nil {
		t.Fatalf("nothing was noticed; close: %v", s.Close())
	}
	for _, want := range []string{dir, file, "damaged", "restore the directory"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nthe error doesn't say %q", err, want)
		}
	}
}

// TestSyncTrackerAllowsATornTail: data that wasn't acknowledged may be anything, and
// the store opens even if SYNCED is outdated, damaged or missing.
func TestSyncTrackerAllowsATornTail(t *testing.T) {
	dir, early := killed(t, 30)
	syncedFile := func(dir string) string { return filepath.Join(dir, "SYNCED") }
	for _, c := range []struct {
		name string
		do   func(dir string) error
	}{
		{"a write that was cut off", func(dir string) error {
			w, err := os.ReadFile(syncedFile(dir))
			change(t, the(t, dir, "*.log"), func(b []byte) []byte {
				copy(b[binary.BigEndian.Uint64(w[16:]):], "\x12\x34\x56\x78\x40\x00\x09 half a record")
				return b
			})
			return err
		}},
		{"behind", func(dir string) error { return os.WriteFile(syncedFile(dir), early, 0o600) }},
		{"damaged", func(dir string) error { return os.WriteFile(syncedFile(dir), []byte("errand-1 and no more"), 0o600) }},
		{"empty", func(dir string) error { return os.Truncate(syncedFile(dir), 0) }},
		{"gone", func(dir string) error { return os.Remove(syncedFile(dir)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := clone(t, dir)
			if err := c.do(dir); err != nil {
				t.Fatal(err)
			}
			for range 2 { // and after a clean end
				s, err := kv.Open(dir, kv.Options{Logf: t.Logf})
				if err != nil {
					t.Fatal(err)
				}
				if !has(t, s, "key-029") {
					t.Error("the latest write is gone")
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestSyncTrackerThatCannotBeWritten: the store keeps working, and logs it once.
func TestSyncTrackerThatCannotBeWritten(t *testing.T) {
	mem := vfs.NewCrashableMem()
	var returned atomic.Int64
	s, err := kv.Open("db", kv.Options{
		Logf: func(format string, args ...any) {
			returned.Add(1)
			t.Logf(format, args...)
		},
		FS: faulty(mem, func(op errorfs.Op) error {
			if strings.HasSuffix(op.Path, "SYNCED") && op.Kind == errorfs.OpFileWriteAt {
				return syscall.EIO
			}
			return nil
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{"a", "b"} {
		if err := set(s, k); err != nil {
			t.Error(err)
		}
	}
	if err := s.Close(); err != nil || returned.Load() != 1 {
		t.Errorf("close: %v; %d calls returned", err, returned.Load())
	}
	again := open2(t, mem.CrashClone(vfs.CrashCloneCfg{}))
	defer again.Close()
	if !has(t, again, "b") {
		t.Error("a write is gone")
	}
}
