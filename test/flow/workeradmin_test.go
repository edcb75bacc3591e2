package flow

import (
	"context"
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
	w.waitForIndexes()
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

// atReceive is a queue that calls before when tickets are asked for.
type atReceive struct {
	control.Queue
	before func()
}

func (q atReceive) Receive(ctx context.Context, queue, attemptID string, count int, wait, hold time.Duration) ([]control.Ticket, error) {
	q.before()
	return q.Queue.Receive(ctx, queue, attemptID, count, wait, hold)
}

// atWaiting is a store that calls before when waiting jobs are looked for.
type atWaiting struct {
	control.Store
	before func()
}

func (s atWaiting) WaitingJobs(ctx context.Context, queue, kind string, limit int) ([]string, error) {
	s.before()
	return s.Store.WaitingJobs(ctx, queue, kind, limit)
}

// TestPausedWhilePolling: a worker that is paused, or is to drain, while its poll waits
// gets no job. The job is another worker's at once, and its attempt doesn't count.
func TestPausedWhilePolling(t *testing.T) {
	t.Parallel()
	for name, change := range map[string][]func(*errand.Spec){
		"ticket": nil, "group": {group("g")}, "requirements": {func(s *errand.Spec) { s.Requires = map[string]string{"gpu": "*"} }},
	} {
		for _, do := range []control.WorkerAction{control.PauseWorker, control.DrainWorker} {
			t.Run(name+" "+string(do), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				labels := map[string]string{"gpu": "h200"}
				k, other := w.register(control.Principal{}, errand.Registration{WorkerID: "a", Labels: labels}), w.register(control.Principal{}, errand.Registration{WorkerID: "b", Labels: labels})
				job := w.create(change...)
				times := 0
				pause := func() {
					if times++; times == 1 {
						w.manage(k.id, do)
					}
				}
				svc := *w.svc
				svc.Queue, svc.Store = atReceive{svc.Queue, pause}, atWaiting{svc.Store, pause}
				a, err := svc.TakeJob(w.ctx, k.caller, control.TakeRequest{WorkerID: k.id, Epoch: k.epoch, PollID: "poll"})
				if a != nil || err != nil || times == 0 {
					t.Errorf("after %s the poll got %+v, %v", do, a, err)
				}
				w.want(job.Spec.ID, errand.Pending, "", 0)
				if a := other.take(true); a.JobID != job.Spec.ID || a.Attempt != 1 {
					t.Errorf("the other worker got %+v", a)
				}
			})
		}
	}
}
