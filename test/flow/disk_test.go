package flow

import (
	"strings"
	"testing"
	"time"

	"github.com/errandhq/errand"
)

// beatDisk sends a heartbeat that says how much room the worker has.
func (k *worker) beatDisk(free, cache int64) {
	k.t.Helper()
	h := errand.Heartbeat{WorkerID: k.id, Epoch: k.epoch, DiskFree: free, DiskCache: cache}
	if _, err := k.svc.Heartbeat(k.ctx, k.caller, h); err != nil {
		k.t.Fatalf("heartbeat: %v", err)
	}
}

// TestDiskThatIsTooFull: a worker gets no job whose folder doesn't fit on its disk, also
// not after it has removed its caches. It gets the jobs behind that one, and the
// explanation says what is missing.
func TestDiskThatIsTooFull(t *testing.T) {
	t.Parallel()
	for name, format := range map[string]string{"manifest": errand.FormatManifest, "zip": errand.FormatZIP} {
		t.Run(name, func(t *testing.T) {
			w := newWorldOf(t, nil)
			src := w.upload(w.user, "a folder")
			src.Format, src.UnpackedBytes = format, 5_000_000_000
			large, small := w.create(source(src)), w.create()
			k := w.worker("a").withFeatures(errand.FeatureManifest)
			k.beatDisk(3_000_000_000, 1_000_000_000)
			if a := k.take(true); a.JobID != small.Spec.ID {
				t.Fatalf("got %s, want the small job", a.JobID)
			}
			w.clock.Advance(time.Second)
			k.take(false)
			k.beatDisk(3_000_000_000, 1_000_000_000)
			e := w.explain(large)
			if want := "does not have 5.0 GB of free disk space for its folder"; e.Cause != errand.CauseUnsuitable || !strings.Contains(e.Sentence, want) {
				t.Errorf("%s: %q; want %q", e.Cause, e.Sentence, want)
			}
			k.beatDisk(3_000_000_000, 2_100_000_000) // caches can go
			w.clock.Advance(6 * time.Second)
			if a := k.take(true); a.JobID != large.Spec.ID {
				t.Errorf("got %s, want the large job", a.JobID)
			}
		})
	}
}
