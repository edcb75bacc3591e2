package flow

import (
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// withFeatures registers the worker again, with features.
func (k *worker) withFeatures(features ...string) *worker {
	k.t.Helper()
	agent := control.Caller{Principal: control.Principal{Role: errand.RoleAgent, Owner: "ann"}}
	token := "erw_" + k.id + ".ssssssssssssssssssssssssssssssssssssssss"
	r, err := k.svc.Register(k.ctx, agent, errand.Registration{WorkerID: k.id, Token: token, Slots: 4, Features: features})
	if err != nil {
		k.t.Fatal(err)
	}
	k.epoch = r.Epoch
	return k
}

// TestRequiredFeature: a job that requires a terminal is given only to workers that have
// them; others get the jobs behind it. Where the terminal isn't required, any worker may
// run the job.
func TestRequiredFeature(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, nil)
	required := w.create(func(s *errand.Spec) { s.Terminal = &errand.Terminal{Required: true} })
	preferred := w.create(func(s *errand.Spec) { s.Terminal = &errand.Terminal{Columns: 100} })
	without := w.worker("a")
	if a := without.take(true); a.JobID != preferred.Spec.ID || *a.Terminal != (errand.Terminal{Columns: 100, Rows: 24}) {
		t.Errorf("got %+v, want job %s", a, preferred.Spec.ID)
	}
	without.take(false)
	w.clock.Advance(6 * time.Second)
	without.take(false)
	w.want(required.Spec.ID, errand.Pending, "", 0)
	w.clock.Advance(6 * time.Second)
	with := w.worker("b").withFeatures("something-new", errand.FeatureTerminal)
	if a := with.take(true); a.JobID != required.Spec.ID || a.Attempt != 1 {
		t.Errorf("got %+v, want job %s", a, required.Spec.ID)
	}
}
