package kv_test

import (
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// TestEmptyStore: a store begins with the manifest and the markers that Pebble
// of the version in go.mod would give it.
func TestEmptyStore(t *testing.T) {
	theirs := vfs.NewMem()
	db, err := pebble.Open("db", &pebble.Options{FS: theirs, FormatMajorVersion: pebble.FormatNewest, Logger: quiet{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	// Ours is looked at before Pebble opens it, which makes it its own.
	ours := vfs.NewMem()
	var first map[string]string
	fs := faulty(ours, func(op errorfs.Op) error {
		if first == nil && op.Kind == errorfs.OpCreate && strings.HasSuffix(op.Path, ".log") {
			first = contents(t, ours, "db")
		}
		return nil
	})
	if err := open2(t, fs).Close(); err != nil {
		t.Fatal(err)
	}
	want := contents(t, theirs, "db")
	for name, content := range want {
		if got, ok := first[name]; !ok || got != content {
			t.Errorf("%s: %q, %v; Pebble's is %q", name, got, ok, content)
		}
	}
	if len(first) != len(want) {
		t.Errorf("%d manifests and markers, Pebble has %d", len(first), len(want))
	}
}

// contents are the manifests and markers of a store, by their names.
func contents(t *testing.T, fs vfs.FS, dir string) map[string]string {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, name := range names {
		if !strings.HasPrefix(name, "MANIFEST") && !strings.HasPrefix(name, "marker.") {
			continue
		}
		f, err := fs.Open(fs.PathJoin(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		found[name] = string(b)
		_ = f.Close() // it was only read
	}
	return found
}

// quiet drops Pebble's log.
type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(string, ...any) {}

// TestSyncsOfOpen: each takes a part of a millisecond at best, one after
// another, before the first request can be answered.
func TestSyncsOfOpen(t *testing.T) {
	mem := vfs.NewCrashableMem()
	var syncs atomic.Int32
	fs := faulty(mem, func(op errorfs.Op) error {
		if slices.Contains([]errorfs.OpKind{errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo}, op.Kind) {
			syncs.Add(1)
		}
		return nil
	})
	for _, c := range []struct {
		what string
		want int32
	}{
		// The manifest; db and what holds it; db with the marker of the manifest,
		// with the log; the options; db with them.
		{"a new store", 1 + 2 + 2 + 2},
		// The new manifest; db with it, with its marker, with the log; the options;
		// db with them.
		{"one that is there", 1 + 3 + 2},
	} {
		syncs.Store(0)
		s := open2(t, fs)
		if got := syncs.Load(); got > c.want {
			t.Errorf("%s: %d syncs, want %d", c.what, got, c.want)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
