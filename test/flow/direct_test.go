package flow

import (
	"testing"
	"time"

	"github.com/errandhq/errand"
)

// TestEndDirectRuns: a server that is alone with its data ends the direct runs of the one
// before at once, in each queue, and nothing else. Jobs that wait for one learn of it.
func TestEndDirectRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.queue("linux")
	k := w.worker("a")
	running := w.create()
	k.beat(k.take(true))
	waiting := w.create()
	direct := []string{w.directRun(errand.DefaultQueue), w.directRun("linux")}
	dependent := w.create(func(s *errand.Spec) { s.After = []errand.Dependency{{JobID: direct[0], On: errand.OnSuccess}} })
	w.waitForIndexes()
	if err := w.svc.EndDirectRuns(w.ctx); err != nil {
		t.Fatal(err)
	}
	for _, id := range direct {
		w.want(id, errand.Failed, errand.ReasonLost, 1)
		if st := w.job(id).State; st.FinishedAt != w.clock.Now() {
			t.Errorf("the direct run ended at %v", st.FinishedAt)
		}
	}
	w.want(dependent.Spec.ID, errand.Failed, errand.ReasonDependencyFailed, 0)
	w.want(running.Spec.ID, errand.Running, "", 1)
	w.want(waiting.Spec.ID, errand.Pending, "", 0)
}

// directRun stores a direct run as it is while a server runs its commands.
func (w *world) directRun(queue string) string {
	w.t.Helper()
	now := w.clock.Now()
	spec := &errand.Spec{
		ID: w.svc.NewID(now), Owner: w.user.Owner, Queue: queue, Commands: []errand.Command{{Shell: "true"}},
		MaxAttempts: 1, TimeoutSeconds: errand.MaxDirectSeconds, LeaseSeconds: 50, CreatedAt: now,
	}
	if err := w.svc.Store.CreateJob(w.ctx, spec, errand.NewDirectState(spec, now, w.svc.Timing)); err != nil {
		w.t.Fatal(err)
	}
	w.clock.Advance(time.Millisecond)
	return spec.ID
}
