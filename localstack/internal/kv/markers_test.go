package kv_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// TestPowerCutWhileOpening cuts the power before each sync of a store that is
// opened and closed again and again, keeping some of what wasn't synced, in any
// combination: the store opens, and has what was acknowledged.
func TestPowerCutWhileOpening(t *testing.T) {
	type cut struct {
		fs    *vfs.MemFS
		acked int
	}
	mem, random := vfs.NewCrashableMem(), rand.New(rand.NewPCG(1, 2))
	var cuts []cut
	acked, done := 0, false
	fs := faulty(mem, func(op errorfs.Op) error {
		if done || op.Kind != errorfs.OpFileSync && op.Kind != errorfs.OpFileSyncData {
			return nil
		}
		for range 3 {
			cuts = append(cuts, cut{mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: random}), acked})
		}
		return nil
	})
	for acked < 4 {
		s := open2(t, fs)
		if err := set(s, fmt.Sprint(acked)); err != nil {
			t.Fatal(err)
		}
		acked++
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	done = true
	for i, c := range cuts {
		s := open2(t, c.fs)
		for k := range c.acked {
			if !has(t, s, fmt.Sprint(k)) {
				t.Errorf("cut %d of %d: write %d of %d is gone", i, len(cuts), k, c.acked)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d cuts", len(cuts))
}
