package flow

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
	"github.com/errandhq/errand/localstack"
)

func after(on errand.Outcome, jobs ...errand.Job) func(*errand.Spec) {
	return func(s *errand.Spec) {
		for _, j := range jobs {
			s.After = append(s.After, errand.Dependency{JobID: j.Spec.ID, On: on})
		}
	}
}

// end has a worker take the job and end it: with an exit code, or as cancelled (-1) or
// failed (-2).
func (k *worker) end(id string, exitCode int) {
	k.t.Helper()
	a := k.take(true)
	if a.JobID != id {
		k.t.Fatalf("took job %s, want %s", a.JobID, id)
	}
	k.beat(a)
	var err error
	switch exitCode {
	case -1:
		if _, err = k.svc.Cancel(k.ctx, k.user, id); err == nil {
			_, err = k.fail(a, errand.ReasonCancelled)
		}
	case -2:
		_, err = k.fail(a, errand.ReasonTimedOut)
	default:
		_, err = k.submit(a, exitCode)
	}
	if err != nil {
		k.t.Fatal(err)
	}
}

// TestAfter: each end of a job, and what becomes of those that wait for it.
func TestAfter(t *testing.T) {
	t.Parallel()
	type ending struct {
		exitCode int
		on       errand.Outcome
		status   errand.Status
		reason   errand.Reason
	}
	for _, tt := range []ending{
		{0, errand.OnSuccess, errand.Pending, ""},
		{0, "", errand.Pending, ""},
		{0, errand.OnFailure, errand.Failed, errand.ReasonDependencyFailed},
		{0, errand.OnAny, errand.Pending, ""},
		{3, errand.OnSuccess, errand.Failed, errand.ReasonDependencyFailed},
		{3, errand.OnFailure, errand.Pending, ""},
		{3, errand.OnAny, errand.Pending, ""},
		{-1, errand.OnSuccess, errand.Cancelled, errand.ReasonCancelled},
		{-1, errand.OnFailure, errand.Cancelled, errand.ReasonCancelled},
		{-1, errand.OnAny, errand.Pending, ""},
		{-2, errand.OnSuccess, errand.Failed, errand.ReasonDependencyFailed},
		{-2, errand.OnFailure, errand.Pending, ""},
	} {
		t.Run(fmt.Sprintf("%d %s", tt.exitCode, tt.on), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			k := w.worker("a")
			first := w.create()
			second := w.create(after(tt.on, first))
			third := w.create(after(errand.OnSuccess, second))
			if !second.State.Held || w.tickets() != 1 {
				t.Fatalf("held: %v, %d tickets", second.State.Held, w.tickets())
			}
			k.end(first.Spec.ID, tt.exitCode)
			w.want(second.Spec.ID, tt.status, tt.reason, 0)
			if tt.status != errand.Pending {
				w.want(third.Spec.ID, tt.status, tt.reason, 0)
				if text := w.job(second.Spec.ID).State.Error; !strings.Contains(text, first.Spec.ID) {
					t.Errorf("the error is %q", text)
				}
				k.take(false)
				late := w.create(after(tt.on, first)) // after its end
				w.want(late.Spec.ID, tt.status, tt.reason, 0)
				return
			}
			k.end(second.Spec.ID, 0)
			k.end(third.Spec.ID, 0)
			late := w.create(after(tt.on, first))
			if late.State.Held {
				t.Error("a job whose jobs have ended is held")
			}
			k.end(late.Spec.ID, 0)
			k.take(false)
		})
	}
}

// TestAfterFaults: whatever fails between the end of a job and the ticket of the one that
// waits for it, the sweep repairs, and the job is released once.
func TestAfterFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		op      string
		applied bool
		when    string // the call that the fault hits
	}{
		{"Dependents", false, "end"}, {"Send", false, "end"}, {"Send", true, "end"}, {"Job", false, "end"},
		{"AddDependent", false, "create"}, {"CreateJob", true, "create"}, {"State", false, "create"},
	} {
		t.Run(fmt.Sprintf("%s %v %s", tt.op, tt.applied, tt.when), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			k := w.worker("a")
			first := w.create()
			a := k.take(true)
			k.beat(a)
			spec := errand.Spec{Commands: []errand.Command{{Shell: "true"}}}
			after(errand.OnSuccess, first)(&spec)
			create := func() (errand.Job, error) {
				return w.svc.CreateJob(w.ctx, w.user, spec, control.CreateOptions{Key: "key"})
			}
			if tt.when == "create" {
				w.faults.set(tt.op, tt.applied)
				if _, err := create(); err != nil && !errors.Is(err, errFault) {
					t.Fatal(err)
				}
			}
			second, err := create()
			wantCode(t, err, "")
			if tt.when == "end" {
				w.faults.set(tt.op, tt.applied)
			}
			if _, err := k.submit(a, 0); err != nil {
				t.Fatal(err)
			}
			w.clock.Advance(w.svc.Timing.ResendAfter + time.Second)
			w.sweep()
			w.sweep()
			b := k.take(true)
			if b.JobID != second.Spec.ID {
				t.Errorf("took %s, want %s", b.JobID, second.Spec.ID)
			}
			k.beat(b)
			if _, err := k.submit(b, 0); err != nil {
				t.Fatal(err)
			}
			w.clock.Advance(w.svc.Timing.ResendAfter + time.Second)
			w.sweep()
			k.take(false)
			w.want(second.Spec.ID, errand.Completed, "", 1)
		})
	}
}

// TestAfterOnce: jobs that end at the same time, beside a sweep, release the job that
// waits for all of them once.
func TestAfterOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.worker("a")
	var awaited []errand.Job
	var held []*errand.Assignment
	for range 4 {
		awaited = append(awaited, w.create())
		held = append(held, k.take(true))
	}
	k.beat(held...)
	last := w.create(after(errand.OnSuccess, awaited...))
	var wg sync.WaitGroup
	for _, a := range held {
		wg.Go(func() {
			if _, err := k.submit(a, 0); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Go(func() { w.sweep() })
	wg.Wait()
	w.clock.Advance(w.svc.Timing.ResendAfter + time.Second)
	w.sweep()
	if n := w.tickets(); n != 1 {
		t.Errorf("%d tickets, want 1", n)
	}
	k.end(last.Spec.ID, 0)
	k.take(false)
}

// TestAfterWhat: a job waits only for jobs that its owner may see.
func TestAfterWhat(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mine := w.create()
	bob := w.user
	bob.Owner = "bob"
	many := make([]errand.Job, errand.MaxAfter+1)
	for i := range many {
		many[i].Spec.ID = w.svc.NewID(w.clock.Now())
	}
	for name, tt := range map[string]struct {
		c      control.Caller
		change func(*errand.Spec)
		code   errand.Code
		field  string
	}{
		"another owner's": {bob, after("", mine), errand.CodeJobNotFound, "after[0].jobId"},
		"unknown":         {w.user, after("", mine, many[0]), errand.CodeJobNotFound, "after[1].jobId"},
		"twice":           {w.user, after("", mine, mine), errand.CodeInvalidField, "after[1].jobId"},
		"too many":        {w.user, after("", many...), errand.CodeInvalidField, "after"},
		"not an ID":       {w.user, after("", errand.Job{Spec: errand.Spec{ID: "x"}}), errand.CodeInvalidField, "after[0].jobId"},
		"not an outcome":  {w.user, after("end", mine), errand.CodeInvalidField, "after[0].on"},
		"too late":        {w.user, func(s *errand.Spec) { s.NotBefore = w.clock.Now().Add(8 * 24 * time.Hour) }, errand.CodeInvalidField, "notBefore"},
	} {
		spec := errand.Spec{Commands: []errand.Command{{Shell: "true"}}}
		tt.change(&spec)
		_, err := w.svc.CreateJob(w.ctx, tt.c, spec, control.CreateOptions{})
		var e *errand.Error
		if !errors.As(err, &e) || e.Code != tt.code || e.Field != tt.field {
			t.Errorf("%s: %v, want %s at %s", name, err, tt.code, tt.field)
		}
	}
}

// TestNotBefore: a job waits for its time, with and without other jobs; its 13 days begin
// then.
func TestNotBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.worker("a")
	at := w.clock.Now().Add(2 * time.Hour)
	job := w.create(func(s *errand.Spec) { s.NotBefore = at })
	if job.State.DueAt != at || !job.State.Held {
		t.Errorf("held %v, due at %v", job.State.Held, job.State.DueAt)
	}
	first := w.create()
	both := w.create(after("", first), func(s *errand.Spec) { s.NotBefore = at.Add(time.Minute) })
	k.end(first.Spec.ID, 0)
	w.clock.Advance(2*time.Hour - 10*time.Second)
	w.sweep()
	k.take(false)
	w.clock.Advance(10 * time.Second)
	w.sweep()
	k = w.worker("a")
	k.end(job.Spec.ID, 0)
	k.take(false)
	w.clock.Advance(time.Minute)
	w.sweep()
	past := w.create(func(s *errand.Spec) { s.NotBefore = at })
	if past.State.Held {
		t.Error("a time that has passed is waited for")
	}
	w.clock.Advance(w.svc.Timing.ExpireAfter - time.Minute) // since its release
	w.sweep()
	w.want(both.Spec.ID, errand.Pending, "", 0)
	w.clock.Advance(2 * time.Minute)
	w.sweep()
	w.want(both.Spec.ID, errand.Failed, errand.ReasonExpired, 0)
}

// TestLongestNotBefore: a job whose time is as far ahead as it may be runs then, also if the
// sweep comes late.
func TestLongestNotBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	at := w.clock.Now().Add(w.svc.Timing.HoldLimit)
	first := w.create()
	w.worker("a").end(first.Spec.ID, 0)
	alone := w.create(func(s *errand.Spec) { s.NotBefore = at })
	both := w.create(after("", first), func(s *errand.Spec) { s.NotBefore = at })
	w.clock.Advance(w.svc.Timing.HoldLimit + time.Hour)
	w.sweep()
	for _, job := range []errand.Job{alone, both} {
		w.want(job.Spec.ID, errand.Pending, "", 0)
		if w.job(job.Spec.ID).State.Held {
			t.Error("the job is not released")
		}
	}
	w.worker("a").take(true)
}

// TestHoldLimit: a job that waits for one that does not end fails after 7 days, and so do
// those that wait for it.
func TestHoldLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.create()
	second := w.create(after(errand.OnSuccess, first))
	third := w.create(after(errand.OnSuccess, second))
	fourth := w.create(after(errand.OnFailure, second))
	w.clock.Advance(w.svc.Timing.HoldLimit - time.Minute)
	w.sweep()
	w.want(second.Spec.ID, errand.Pending, "", 0)
	w.clock.Advance(2 * time.Minute)
	w.sweep()
	w.sweep()
	w.want(first.Spec.ID, errand.Pending, "", 0)
	w.want(second.Spec.ID, errand.Failed, errand.ReasonExpired, 0)
	if st := w.job(third.Spec.ID).State; st.Status != errand.Failed {
		t.Errorf("third: %s %s %s", st.Status, st.Reason, st.Error)
	}
	if st := w.job(fourth.Spec.ID).State; !st.Status.Terminal() && st.Held {
		t.Errorf("fourth: %+v", st)
	}
}

// TestAfterInAGroup: a job comes into its group when it is released, behind jobs that were
// created later; its explanation says so.
func TestAfterInAGroup(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, nil)
	k := w.worker("a")
	first := w.create()
	waits := w.create(after("", first), group("deploy"))
	if e := w.explain(waits); e.Cause != errand.CauseAfter || e.After.FirstID != first.Spec.ID || !strings.HasSuffix(e.Sentence, "waits for the success of job "+first.Spec.ID+", which is pending") {
		t.Errorf("%+v", e)
	}
	w.clock.Advance(time.Second)
	later := w.create(group("deploy"))
	w.clock.Advance(time.Second)
	k.end(first.Spec.ID, 0)
	if e := w.explain(waits); e.Cause != errand.CauseGroup || e.Group.FirstID != later.Spec.ID || e.Position != 2 {
		t.Errorf("%+v", e)
	}
	if e := w.explain(later); e.Cause != errand.CauseNext || e.Position != 1 {
		t.Errorf("%+v", e)
	}
	k.end(later.Spec.ID, 0)
	k.end(waits.Spec.ID, 0)
	timed := w.create(func(s *errand.Spec) { s.NotBefore = w.clock.Now().Add(90 * time.Minute) })
	if e := w.explain(timed); e.Cause != errand.CauseNotBefore || !strings.HasSuffix(e.Sentence, "waits until 2026-11-24T13:30:02Z, for 90 minutes") {
		t.Errorf("%+v", e)
	}
	if page, err := w.list(control.JobFilter{Status: errand.Pending}); err != nil || len(page.Jobs) != 1 {
		t.Errorf("pending: %+v, %v", page, err)
	}
	if f, err := w.svc.Figures(w.ctx); err != nil || f.Queues[0].Pending != 0 {
		t.Errorf("figures %+v, %v", f.Queues, err)
	}
	if _, err := w.svc.Cancel(w.ctx, w.user, timed.Spec.ID); err != nil {
		t.Error(err)
	}
	w.want(timed.Spec.ID, errand.Cancelled, errand.ReasonCancelled, 0)
}

// TestAfterWithLabels: a released job that is found by what it requires is given to the
// worker that has it.
func TestAfterWithLabels(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.worker("a")
	first := w.create()
	second := w.create(after("", first), func(s *errand.Spec) { s.Requires = map[string]string{"os": "plan9"} })
	k.take(true)
	able := w.worker("b")
	r, err := w.svc.Register(w.ctx, control.Caller{Principal: control.Principal{Role: errand.RoleAgent, Owner: "ann"}},
		errand.Registration{WorkerID: able.id, Token: "erw_" + able.id + "." + strings.Repeat("s", 40), Slots: 4, OS: "plan9"})
	wantCode(t, err, "")
	able.epoch = r.Epoch
	able.take(false)
	if _, err := k.submit(&errand.Assignment{JobID: first.Spec.ID, Attempt: 1}, 0); err != nil {
		t.Fatal(err)
	}
	w.waitForIndexes()
	k.take(false)
	able.end(second.Spec.ID, 0)
}

func (w *world) explain(j errand.Job) errand.Explanation {
	w.t.Helper()
	e, err := w.svc.Explain(w.ctx, w.user, control.ExplainRequest{JobID: j.Spec.ID})
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

// slowReads is a store on which each read of a job takes a second.
type slowReads struct {
	control.Store
	clock *localstack.ManualClock
	reads map[string]int
}

func (s slowReads) Job(ctx context.Context, id string) (*errand.Spec, *errand.State, error) {
	s.clock.Advance(time.Second)
	s.reads[id]++
	return s.Store.Job(ctx, id)
}

// TestManyDependents: the end of a job that more jobs wait for than one request can release
// is gone on with by the sweep, from where the request stopped.
func TestManyDependents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.worker("a")
	first := w.create()
	var held []errand.Job
	for range 35 {
		w.clock.Advance(time.Millisecond)
		held = append(held, w.create(after(errand.OnAny, first)))
	}
	slow := slowReads{w.svc.Store, w.clock, map[string]int{}}
	k.take(true)
	svc := *w.svc
	svc.Store, w.svc = slow, &svc
	if _, err := w.svc.Cancel(w.ctx, w.user, first.Spec.ID); err != nil {
		t.Fatal(err)
	}
	k.svc = w.svc
	released := func() (n int) {
		for _, j := range held {
			if st, err := w.svc.Store.State(w.ctx, j.Spec.ID); err == nil && !st.Record().Held {
				n++
			}
		}
		return n
	}
	_, err := k.submit(&errand.Assignment{JobID: first.Spec.ID, Attempt: 1}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if n := released(); n < 8 || n > 12 {
		t.Errorf("the request released %d jobs in its 10 s", n)
	}
	for range 5 {
		w.sweep()
	}
	for _, j := range held {
		if n := slow.reads[j.Spec.ID]; n != 1 {
			t.Errorf("a job that waited was read %d times, want 1", n)
		}
	}
	if n := released(); n != len(held) {
		t.Errorf("%d of %d jobs are released", n, len(held))
	}
	st, err := w.svc.Store.State(w.ctx, first.Spec.ID)
	if err != nil {
		t.Fatal(err)
	}
	if r := st.Record(); r.NeedsSettling() || r.SettledTo != "" {
		t.Errorf("at the end the job is settled up to %q, due %v", r.SettledTo, r.DueAt)
	}
}
