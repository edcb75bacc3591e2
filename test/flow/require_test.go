package flow

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

func requires(pairs ...string) func(*errand.Spec) {
	return func(s *errand.Spec) {
		s.Requires = map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			s.Requires[pairs[i]] = pairs[i+1]
		}
	}
}

// labelled registers a worker with labels.
func (w *world) labelled(id string, pairs ...string) *worker {
	w.t.Helper()
	r := errand.Registration{WorkerID: id, Name: id, OS: "linux", Labels: map[string]string{}}
	for i := 0; i < len(pairs); i += 2 {
		r.Labels[pairs[i]] = pairs[i+1]
	}
	return w.register(control.Principal{}, r)
}

// takeSoon takes a job that is there, once indexes that lag have caught up.
func (k *worker) takeSoon() *errand.Assignment {
	k.t.Helper()
	k.waitForIndexes()
	return k.take(true)
}

// done runs the attempt to its end.
func (k *worker) done(a *errand.Assignment) {
	k.t.Helper()
	k.beat(a)
	if _, err := k.submit(a, 0); err != nil {
		k.t.Fatal(err)
	}
}

// TestRequiredLabels: a job that no worker can run holds up none behind it, and is given
// to the first worker that can. It never has a ticket, so none goes around.
func TestRequiredLabels(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	gpu := w.create(requires("gpu", "*", "os", "linux", "memory", ">=16G"))
	plain := w.create()
	k := w.labelled("plain", "gpu", "a100", "memory", "8192M")
	a := k.takeSoon()
	if a.JobID != plain.Spec.ID {
		t.Errorf("got %s", a.JobID)
	}
	k.done(a)
	k.take(false)
	if n := w.tickets(); n != 0 {
		t.Errorf("%d tickets", n)
	}
	big := w.labelled("big", "gpu", "h200", "memory", "16384M")
	if a = big.takeSoon(); a.JobID != gpu.Spec.ID || a.Attempt != 1 {
		t.Errorf("got %+v", a)
	}
	big.done(a)
	w.want(gpu.Spec.ID, errand.Completed, "", 1)
}

// TestKindsInOrder: jobs of a kind are given in the order of their creation, also with
// those of other kinds and of none, on one machine.
func TestKindsInOrder(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, nil)
	k := w.labelled("a", "gpu", "h200", "cpus", "8")
	var want []string
	for i := range 12 {
		var job errand.Job
		switch i % 3 {
		case 0:
			job = w.create(requires("gpu", "h200"))
		case 1:
			job = w.create(requires("cpus", ">=4"))
		case 2:
			job = w.create()
		}
		want = append(want, job.Spec.ID)
		w.clock.Advance(time.Millisecond)
	}
	var got []string
	for range want {
		a := k.take(true)
		got = append(got, a.JobID)
		k.done(a)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the order is %v, want %v", got, want)
	}
}

// TestNamedWorker: a job for a worker waits for it, whoever asks, and while it is offline.
// An ambiguous name is an error that lists the IDs.
func TestNamedWorker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other, box := w.labelled("w1"), w.labelled("w2")
	job := w.create(func(s *errand.Spec) { s.Worker = "w2" })
	w.clock.Advance(2 * time.Minute)
	w.sweep()
	other.take(false)
	if a := box.takeSoon(); a.JobID != job.Spec.ID {
		t.Errorf("got %s", a.JobID)
	}
	w.register(control.Principal{}, errand.Registration{WorkerID: "w3", Name: "w1x"})
	w.register(control.Principal{}, errand.Registration{WorkerID: "w4", Name: "w1x"})
	w.waitForIndexes()
	for name, want := range map[string]string{"w1x": "w3, w4", "nobody": "errand workers"} {
		_, err := w.svc.CreateJob(w.ctx, w.user, errand.Spec{Commands: []errand.Command{{Shell: "true"}}, Worker: name}, control.CreateOptions{})
		wantCode(t, err, errand.CodeInvalidField)
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

// TestGroupWithRequirements: the jobs of a group are given in order, to workers that can
// run them; the first one's ticket is parked by those that can't. Another job of the group
// must require the same while one waits.
func TestGroupWithRequirements(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	plain, gpu := w.labelled("plain"), w.labelled("gpu", "gpu", "h200")
	var want []string
	for range 3 {
		want = append(want, w.create(group("deploy"), requires("gpu", "*")).Spec.ID)
		w.clock.Advance(time.Millisecond)
	}
	_, err := w.svc.CreateJob(w.ctx, w.user, errand.Spec{Commands: []errand.Command{{Shell: "true"}}, Group: "deploy"}, control.CreateOptions{})
	wantCode(t, err, errand.CodeGroupRequirements)
	for _, id := range want {
		plain.take(false)
		w.clock.Advance(time.Minute)
		w.sweep()
		plain.take(false)
		a := gpu.takeSoon()
		if a.JobID != id {
			t.Errorf("got %s, want %s", a.JobID, id)
		}
		gpu.take(false) // one at a time
		gpu.done(a)
	}
	free := w.create(group("deploy"))
	if a := plain.takeSoon(); a.JobID != free.Spec.ID {
		t.Errorf("got %s", a.JobID)
	}
}

// TestLostPlacedJob: a job without a ticket whose worker is lost, or gives it back, is
// found by its kind again.
func TestLostPlacedJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.labelled("a", "gpu", "h200")
	job := w.create(requires("gpu", "*"), attempts(3))
	a := k.takeSoon()
	k.beat(a)
	k.take(false)
	w.clock.Advance(6 * time.Minute)
	w.sweep()
	if a = k.takeSoon(); a.Attempt != 2 {
		t.Errorf("attempt %d", a.Attempt)
	}
	k.beat(a)
	if _, err := k.fail(a, errand.ReasonWorkerStopped); err != nil {
		t.Fatal(err)
	}
	if a = k.takeSoon(); a.Attempt != 3 {
		t.Errorf("attempt %d", a.Attempt)
	}
	k.done(a)
	w.want(job.Spec.ID, errand.Completed, "", 3)
}

// TestTooManyKinds: a queue has jobs of 100 kinds at most. A kind of which nothing waits
// makes room.
func TestTooManyKinds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var last errand.Job
	for i := range errand.MaxKinds {
		last = w.create(requires("zone", fmt.Sprint(i)))
	}
	w.waitForIndexes()
	_, err := w.svc.CreateJob(w.ctx, w.user, errand.Spec{Commands: []errand.Command{{Shell: "true"}}, Requires: map[string]string{"zone": "x"}}, control.CreateOptions{})
	wantCode(t, err, errand.CodeInvalidField)
	if _, err := w.svc.Cancel(w.ctx, w.user, last.Spec.ID); err != nil {
		t.Fatal(err)
	}
	w.waitForIndexes()
	w.create(requires("zone", "x"))
	w.labelled("a", "zone", "x").takeSoon()
}

// TestNewKindOfAnotherProcess: a process that has read the kinds of a queue finds a job of
// a kind that another process added.
func TestNewKindOfAnotherProcess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.labelled("a", "gpu", "h200")
	k.take(false)
	w.clock.Advance(2 * time.Second)
	spec := errand.Spec{Commands: []errand.Command{{Shell: "true"}}, Requires: map[string]string{"gpu": "*"}}
	job, err := w.service(awsOf(w.stack)).CreateJob(w.ctx, w.user, spec, control.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if a := k.takeSoon(); a.JobID != job.Spec.ID {
		t.Errorf("got %s", a.JobID)
	}
}
