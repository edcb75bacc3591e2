package sqs_test

import (
	"math/rand/v2"
	"os"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/engine"
	"github.com/errandhq/errand/localstack/internal/kv"
	"github.com/errandhq/errand/localstack/internal/sqs"
)

// A cut is a disk as a power cut at some moment would leave it, and what
// had been acknowledged by then.
type cut struct {
	fs    *vfs.MemFS
	acked *ledger
	more  bool // some of what wasn't synced is there, too
}

// A cutter cuts the power before each sync of a file system: between two of
// them what is sure to be on disk doesn't change.
type cutter struct {
	fs     *vfs.MemFS
	ledger *ledger
	random *rand.Rand // under the ledger's lock
	cuts   []cut
}

func (c *cutter) String() string { return "before each sync" }

// MaybeError implements errorfs.Injector. Nothing can be begun or acknowledged between
// the copies of ledger and disk.
func (c *cutter) MaybeError(op errorfs.Op) error {
	if op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo {
		c.ledger.note(func() {
			acked := c.ledger.copy()
			c.cuts = append(c.cuts,
				cut{c.fs.CrashClone(vfs.CrashCloneCfg{}), acked, false},
				cut{c.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: c.random}), acked, true})
		})
	}
	return nil
}

// cutLoad runs a load with the power cut before every sync, and at its end.
func cutLoad(t *testing.T, noSync bool, seed uint64) []cut {
	t.Helper()
	fs, l := vfs.NewCrashableMem(), newLedger()
	store, err := kv.Open("db", kv.Options{FS: fs, NoSync: noSync, Logf: t.Logf})
	must(t, err)
	e, err := sqs.Open(sqs.Config{Config: engine.Config{Store: store, Clock: clock.NewManual(start), Logf: t.Logf}})
	must(t, err)
	s := &stack{Engine: e, store: store}
	s.create(t, q)
	e.Close()
	must(t, store.Close())

	c := &cutter{fs: fs, ledger: l, random: rand.New(rand.NewPCG(seed, 0))}
	store, err = kv.Open("db", kv.Options{FS: errorfs.Wrap(fs, c), NoSync: noSync, Logf: t.Logf})
	must(t, err)
	e, err = sqs.Open(sqs.Config{Config: engine.Config{Store: store, Clock: clock.NewManual(start), Logf: t.Logf}})
	must(t, err)
	load(t, &stack{Engine: e, store: store}, l, 3, 12, func(int) {})
	l.note(func() { c.cuts = append(c.cuts, cut{fs.CrashClone(vfs.CrashCloneCfg{}), l.copy(), false}) })
	e.Close()
	must(t, store.Close())
	return c.cuts
}

// TestEverySyncPoint cuts the power before every single sync of a concurrent
// load. ERRAND_CRASH_LONG=1 does it for many loads (make crash).
func TestEverySyncPoint(t *testing.T) {
	t.Parallel()
	loads := 3
	if os.Getenv("ERRAND_CRASH_LONG") != "" {
		loads = 25
	}
	for seed := range loads {
		cuts := cutLoad(t, false, uint64(seed))
		if len(cuts) < 10 {
			t.Errorf("only %d cuts: the load hardly syncs", len(cuts))
		}
		for i, c := range cuts {
			for _, fault := range afterCut(t, c.fs, c.acked) {
				t.Errorf("load %d, cut %d of %d (%d sent, %d deleted): %s", seed, i, len(cuts), len(c.acked.sent), len(c.acked.deleted), fault)
			}
		}
		t.Logf("load %d: %d cuts", seed, len(cuts))
	}
}

// TestSyncPointsFindWhatIsMissing: with durability off, the same check must
// find lost messages. Else it could find nothing at all.
func TestSyncPointsFindWhatIsMissing(t *testing.T) {
	cuts := cutLoad(t, true, 1)
	var last cut
	for _, c := range cuts {
		if !c.more {
			last = c
		}
	}
	faults := afterCut(t, last.fs, last.acked)
	if len(faults) == 0 {
		t.Error("nothing was synced, and nothing is missed")
	}
	for _, fault := range faults[:min(3, len(faults))] {
		t.Log(fault)
	}
}
