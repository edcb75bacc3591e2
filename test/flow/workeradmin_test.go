package flow

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// register registers a worker as r says, with a token that fixes what c says.
func (w *world) register(c control.Principal, r errand.Registration) *worker {
	w.t.Helper()
	c.Role, c.Owner = errand.RoleAgent, "ann"
	r.Slots, r.Token = 4, "erw_"+r.WorkerID+"."+strings.Repeat("s", 40)
	out, err := w.svc.Register(w.ctx, control.Caller{Principal: c}, r)
	if err != nil {
		w.t.Fatal(err)
	}
	return &worker{
		world: w, id: r.WorkerID, epoch: out.Epoch,
		caller: control.Caller{Principal: control.Principal{Role: errand.RoleWorker, Owner: "ann", WorkerID: r.WorkerID}, Origin: w.user.Origin},
	}
}

func (w *world) manage(name string, do control.WorkerAction) *errand.Worker {
	w.t.Helper()
	k, err := w.svc.ChangeWorker(w.ctx, name, do)
	if err != nil {
		w.t.Fatal(err)
	}
	return k
}

// TestPausedWorker: a paused worker goes on with what it has, and gets nothing more until
// it is resumed, also after a restart.
func TestPausedWorker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.create()
	k := w.worker("a")
	a := k.take(true)
	k.beat(a)
	if got := w.manage(k.id, control.PauseWorker); got.Status() != errand.Paused {
		t.Errorf("it is %s", got.Status())
	}
	second := w.create()
	k.take(false)
	k.beat(a)
	if _, err := k.submit(a, 0); err != nil {
		t.Fatal(err)
	}
	w.want(first.Spec.ID, errand.Completed, "", 1)
	k = w.worker("a")
	k.take(false)
	w.manage(k.id, control.ResumeWorker)
	if a := k.take(true); a.JobID != second.Spec.ID {
		t.Errorf("got %s", a.JobID)
	}
}

// TestDrainedWorker: a drained worker is told so by its heartbeat, and gets no job. Its
// next process does.
func TestDrainedWorker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.worker("a")
	w.create()
	w.manage(k.id, control.DrainWorker)
	k.take(false)
	res, err := k.svc.Heartbeat(k.ctx, k.caller, errand.Heartbeat{WorkerID: k.id, Epoch: k.epoch})
	if err != nil || !res.Drain {
		t.Errorf("%+v, %v", res, err)
	}
	w.worker("a").take(true)
}

// TestForgottenWorker: a worker that is online can't be forgotten. An ambiguous name is an
// error that lists the IDs.
func TestForgottenWorker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.register(control.Principal{}, errand.Registration{WorkerID: "w1", Name: "box"})
	w.register(control.Principal{}, errand.Registration{WorkerID: "w2", Name: "box"})
	_, err := w.svc.ChangeWorker(w.ctx, "box", control.ForgetWorker)
	wantCode(t, err, errand.CodeInvalidField)
	if !strings.Contains(err.Error(), "w1, w2") {
		t.Errorf("%v does not list the IDs", err)
	}
	_, err = w.svc.ChangeWorker(w.ctx, "w1", control.ForgetWorker)
	wantCode(t, err, errand.CodeConflict)
	w.clock.Advance(time.Minute)
	w.manage("w1", control.ForgetWorker)
	_, err = w.svc.Heartbeat(w.ctx, a.caller, errand.Heartbeat{WorkerID: a.id, Epoch: a.epoch})
	wantCode(t, err, errand.CodeWorkerNotFound)
	w.waitForIndexes()
	if left := w.manage("box", control.PauseWorker); left.ID != "w2" {
		t.Errorf("found %s", left.ID)
	}
	_, err = w.svc.ChangeWorker(w.ctx, "w1", control.PauseWorker)
	wantCode(t, err, errand.CodeWorkerNotFound)
}

// TestFixedLabels: a token that fixes a worker's name and labels overrules what the agent
// says, but for what it measures.
func TestFixedLabels(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	claims := errand.Registration{WorkerID: "w1", Name: "mine", OS: "linux", Labels: map[string]string{"gpu": "a100", "zone": "x", "cpus": "8"}}
	token := errand.Token{Role: errand.RoleAgent, Owner: "ann", Hash: errand.HashToken("t"), WorkerName: "box", Labels: map[string]string{"gpu": "h200"}}
	if err := w.svc.Store.PutToken(w.ctx, &token); err != nil {
		t.Fatal(err)
	}
	p, err := w.svc.Authenticate(w.ctx, "t")
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		who  control.Principal
		name string
		want map[string]string
	}{
		{control.Principal{}, "mine", map[string]string{"gpu": "a100", "zone": "x", "cpus": "8", "os": "linux"}},
		{p, "box", map[string]string{"gpu": "h200", "cpus": "8", "os": "linux"}},
	} {
		w.register(c.who, claims)
		got, err := w.svc.Store.Worker(w.ctx, "w1")
		if err != nil || got.Name != c.name || !maps.Equal(got.AllLabels(), c.want) {
			t.Errorf("%d: %+v, %v", i, got, err)
		}
	}
}
