package kv_test

import (
	"slices"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// TestSyncsOfOpen: syncs are most of the time from a start to its first answer,
// and Pebble alone takes 40 for a new store.
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
		// The directory above, twice; the manifest, two markers, the options; the
		// directory with each of them.
		{"a new store", 10},
		{"one that is there", 8},
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
