package kv_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/errandhq/errand/localstack/internal/kv"
)

// TestNoFalseDamage cuts the power again and again at any operation on
// the files, in the middle of Open and of flushes too, with any part of what
// wasn't synced on the disk nevertheless. Each time the store opens, and has
// what was acknowledged. ERRAND_CRASH_SEEDS is how often it begins anew.
func TestNoFalseDamage(t *testing.T) {
	seeds := 5
	if n, err := strconv.Atoi(os.Getenv("ERRAND_CRASH_SEEDS")); err == nil {
		seeds = n
	}
	for seed := range uint64(seeds) {
		rng := rand.New(rand.NewPCG(seed, 0))
		fs, acked := vfs.NewCrashableMem(), map[string]bool{}
		for cut := range 8 {
			if fs = livedUntilCut(t, fs, rng, fmt.Sprintf("%d-%d", seed, cut), acked); t.Failed() {
				t.Fatalf("seed %d, power cut %d", seed, cut)
			}
		}
	}
}

// livedUntilCut opens the store in fs, writes, and returns what a power cut at
// some operation leaves. acked gets what was acknowledged before it.
func livedUntilCut(t *testing.T, fs *vfs.MemFS, rng *rand.Rand, name string, acked map[string]bool) (after *vfs.MemFS) {
	t.Helper()
	var mu sync.Mutex
	left, percent, seed := rng.IntN(400), rng.IntN(101), rng.Uint64()
	s, err := kv.Open("db", kv.Options{Logf: t.Logf, FS: faulty(fs, func(op errorfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if left--; left < 0 && after == nil {
			after = fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(seed, 1))})
		}
		return nil
	})})
	if err != nil {
		t.Errorf("open: %v", err)
		return fs
	}
	defer s.Close()
	for key := range acked {
		if !has(t, s, key) {
			t.Errorf("%s is gone", key)
		}
	}
	for i := 0; ; i++ {
		b, key := s.NewBatch(), fmt.Sprintf("%s-%d", name, i)
		b.Set(s.Space('x'), []byte(key), make([]byte, rng.IntN(1<<uint(rng.IntN(21)))))
		if err := b.Commit(); err != nil {
			t.Error(err)
		}
		mu.Lock()
		over := after != nil
		if !over {
			acked[key] = true
		}
		mu.Unlock()
		if over {
			return after
		}
	}
}
