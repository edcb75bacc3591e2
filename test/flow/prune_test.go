package flow

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// stored are the keys of all objects.
func (w *world) stored(prefix string) (keys []string) {
	w.t.Helper()
	blobs, err := w.svc.Blobs.List(w.ctx, prefix, "")
	wantCode(w.t, err, "")
	for _, b := range blobs {
		keys = append(keys, b.Key)
	}
	return keys
}

func (w *world) prune(r errand.Prune) map[string]errand.StoredKind {
	w.t.Helper()
	out, err := w.svc.Prune(w.ctx, r)
	wantCode(w.t, err, "")
	kinds := map[string]errand.StoredKind{}
	for _, k := range out.Kinds {
		kinds[k.Kind] = k
	}
	return kinds
}

// TestPruneUploads: uploads go when no job can name them any more, and no job needs them
// that runs, waits, or waits for another.
func TestPruneUploads(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	usable := w.svc.Timing.UploadLifetime - w.svc.Timing.UploadMargin
	key := func(s *errand.Source, i int) string {
		return errand.UploadKey("ann", append([]string{s.SHA256}, s.Packs...)[i])
	}
	w.upload(w.user, "unused")
	running, done := w.packs(w.user, "running", "its pack"), w.upload(w.user, "done")
	k := w.register(control.Principal{}, errand.Registration{WorkerID: "worker-a", Features: []string{errand.FeatureManifest}})
	w.create(source(running))
	runs := k.take(true)
	k.beat(runs)
	k.end(w.create(source(done)).Spec.ID, 0)
	waits, held := w.upload(w.user, "waits"), w.packs(w.user, "held", "its pack too")
	w.create(source(waits))
	w.create(source(held), func(s *errand.Spec) { s.NotBefore = w.clock.Now().Add(7*24*time.Hour - time.Minute) })
	all := w.stored("uploads/")
	w.clock.Advance(usable - time.Minute)
	w.waitForIndexes()
	if got := w.prune(errand.Prune{}); got[errand.StoredUploads].RemovedItems != 0 || !slices.Equal(w.stored("uploads/"), all) {
		t.Errorf("uploads that may be used again: %+v", got)
	}
	w.clock.Advance(2 * time.Hour)
	young := w.upload(w.user, "young")
	dry := w.prune(errand.Prune{DryRun: true})
	if want := (errand.StoredKind{Kind: errand.StoredUploads, Items: 8, Bytes: 51, RemovedItems: 2, RemovedBytes: 10}); dry[errand.StoredUploads] != want {
		t.Errorf("a dry run: %+v, want %+v", dry[errand.StoredUploads], want)
	}
	if got := w.stored("uploads/"); len(got) != 8 {
		t.Errorf("a dry run left %q", got)
	}
	_, next, err := w.svc.PruneUploads(w.ctx, "", 3)
	wantCode(t, err, "")
	k1, next, err := w.svc.PruneUploads(w.ctx, next, 3)
	wantCode(t, err, "")
	if k1.Items != 0 || next != "" {
		t.Errorf("after the last one: %+v, %q", k1, next)
	}
	if got := w.prune(errand.Prune{}); got[errand.StoredUploads].Items != 6 {
		t.Errorf("after both: %+v", got)
	}
	want := []string{key(running, 0), key(running, 1), key(waits, 0), key(held, 0), key(held, 1), key(young, 0)}
	slices.Sort(want)
	if diff := cmp.Diff(want, w.stored("uploads/")); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
}

// TestPruneByAge: logs and artifacts of jobs that have ended, and workers that were not
// seen, as far as the request says.
func TestPruneByAge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k, gone := w.worker("a"), w.worker("gone")
	bound := w.worker("bound")
	var jobs []errand.Job
	for i := range 2 {
		jobs = append(jobs, w.create())
		a := k.take(true)
		k.beat(a)
		if s := w.post(a.Write, errand.LogChunkKey(a.JobID, 1, 0), []byte("log")); s >= 300 {
			t.Fatalf("POST: HTTP %d", s)
		}
		if i == 0 {
			_, err := k.submit(a, 0)
			wantCode(t, err, "")
		}
	}
	w.create(func(s *errand.Spec) { s.Worker = bound.id })
	days := func(n int) *int { return &n }
	w.clock.Advance(3 * 24 * time.Hour)
	k.beat()
	w.waitForIndexes()
	if got := w.prune(errand.Prune{LogDays: days(4), WorkerDays: days(4)}); got[errand.StoredLogs].RemovedItems != 0 {
		t.Errorf("younger logs: %+v", got)
	}
	w.prune(errand.Prune{LogDays: days(2), WorkerDays: days(2), DryRun: true})
	if got := w.stored("logs/"); len(got) != 2 {
		t.Errorf("a dry run left %q", got)
	}
	out, err := w.svc.Prune(w.ctx, errand.Prune{LogDays: days(2), WorkerDays: days(2)})
	wantCode(t, err, "")
	if diff := cmp.Diff([]string{gone.id}, out.Workers); diff != "" {
		t.Errorf("forgotten (-want +got):\n%s", diff)
	}
	left := w.stored("logs/")
	if len(left) != 1 || left[0] != errand.LogChunkKey(jobs[1].Spec.ID, 1, 0) {
		t.Errorf("left %q; the second job has not ended", left)
	}
	known := map[string]bool{}
	w.waitForIndexes() // and for reads that are not strongly consistent
	all, _, err := w.svc.Store.Workers(w.ctx, "", 10)
	wantCode(t, err, "")
	for _, worker := range all {
		known[worker.ID] = true
	}
	if got := slices.Sorted(maps.Keys(known)); !slices.Equal(got, []string{k.id, bound.id}) {
		t.Errorf("workers left: %q", got)
	}
	_, err = w.svc.Prune(w.ctx, errand.Prune{LogDays: days(-1)})
	wantCode(t, err, errand.CodeInvalidField)
}
