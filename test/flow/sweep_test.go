package flow

import (
	"testing"
	"time"

	"github.com/errandhq/errand"
)

// TestLostTicket: a job whose ticket was never sent is found by the sweep.
func TestLostTicket(t *testing.T) {
	for _, applied := range []bool{false, true} {
		w := newWorld(t)
		w.faults.set("Send", applied)
		job := w.create()
		k := w.worker("a")
		k.take(applied)
		if applied {
			continue
		}
		if r := w.sweep(); r.Looked != 0 {
			t.Errorf("the sweep looked at a job that isn't due: %+v", r)
		}
		w.clock.Advance(time.Minute)
		if r := w.sweep(); r.Resent != 1 {
			t.Errorf("sweep %+v, want one ticket sent again", r)
		}
		if a := k.take(true); a.JobID != job.Spec.ID {
			t.Errorf("got %s, want %s", a.JobID, job.Spec.ID)
		}
	}
}

// TestResentTicketIsOne: if the first ticket arrived after all, the second has no
// effect.
func TestResentTicketIsOne(t *testing.T) {
	w := newWorld(t)
	w.create()
	w.clock.Advance(time.Minute)
	if r := w.sweep(); r.Resent != 1 {
		t.Errorf("sweep %+v", r)
	}
	if n := w.tickets(); n != 1 {
		t.Errorf("%d tickets, want 1", n)
	}
	w.clock.Advance(time.Minute)
	if r := w.sweep(); r.Looked != 0 {
		t.Errorf("the next sweep looked again: %+v", r)
	}
}

// TestLostWithoutPolls: the sweep ends leases when nobody asks for work.
func TestLostWithoutPolls(t *testing.T) {
	w := newWorld(t)
	lost, again, cancelled := w.create(), w.create(attempts(2)), w.create()
	k := w.worker("a")
	k.beat(k.take(true), k.take(true), k.take(true))
	if _, err := w.svc.Cancel(w.ctx, w.user, cancelled.Spec.ID); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(2 * time.Minute)
	if r := w.sweep(); r.Lost+r.Cancelled+r.Resent != 0 {
		t.Errorf("sweep ended live leases: %+v", r)
	}
	w.clock.Advance(4 * time.Minute)
	if r := w.sweep(); r.Lost != 1 || r.Cancelled != 1 || r.Resent != 1 {
		t.Errorf("sweep %+v, want one lost, one cancelled, one ticket shown again", r)
	}
	w.want(lost.Spec.ID, errand.Failed, errand.ReasonLost, 1)
	w.want(cancelled.Spec.ID, errand.Cancelled, errand.ReasonCancelled, 1)
	if a := w.worker("b").take(true); a.JobID != again.Spec.ID || a.Attempt != 2 {
		t.Errorf("got %s attempt %d, want %s attempt 2", a.JobID, a.Attempt, again.Spec.ID)
	}
	if n := w.tickets(); n != 1 {
		t.Errorf("%d tickets left, want 1", n)
	}
}

// TestExpiry: a job that nobody takes fails after 13 days, however often its
// ticket was sent.
func TestExpiry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	job := w.create()
	for range 13*24/6 - 1 {
		w.clock.Advance(6 * time.Hour)
		w.sweep()
	}
	w.want(job.Spec.ID, errand.Pending, "", 0)
	w.clock.Advance(7 * time.Hour)
	if r := w.sweep(); r.Expired != 1 {
		t.Errorf("sweep %+v, want one expired", r)
	}
	w.want(job.Spec.ID, errand.Failed, errand.ReasonExpired, 0)
	k := w.worker("a")
	for n := looks(); n > 0 && w.tickets() > 0; n-- { // a poll ends where SQS looks past what there is
		k.take(false)
	}
	if n := w.tickets(); n != 0 {
		t.Errorf("%d tickets left", n)
	}
}

// TestFifteenDays: a job of a group waits 12 days behind another, and then runs for
// 3, although SQS deletes messages after 14.
func TestFifteenDays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	longLease := func(s *errand.Spec) { s.LeaseSeconds = errand.MaxLeaseSeconds }
	first, second := w.create(group("deploy"), longLease), w.create(group("deploy"), longLease)
	k := w.worker("a")
	run := func(id string, days int) {
		t.Helper()
		a := k.take(true)
		if a.JobID != id {
			t.Fatalf("got %s, want %s", a.JobID, id)
		}
		for i := range days * 24 * 2 {
			if o := k.beat(a)[0]; o.Order != errand.OrderContinue {
				t.Fatalf("order %q", o.Order)
			}
			w.clock.Advance(30 * time.Minute)
			if i%7 == 0 {
				w.sweep()
			}
		}
		if _, err := k.submit(a, 0); err != nil {
			t.Fatal(err)
		}
		w.want(id, errand.Completed, "", 1)
	}
	run(first.Spec.ID, 12)
	run(second.Spec.ID, 3)
	if d := w.clock.Now().Sub(second.State.CreatedAt); d < 15*24*time.Hour {
		t.Fatalf("only %v passed", d)
	}
	k.take(false)
}

// TestFifteenDayWait: no worker takes a job for 15 days, and no sweep runs, so that
// SQS has deleted the ticket. The next sweep ends the job, and a worker that comes
// then gets nothing.
func TestFifteenDayWait(t *testing.T) {
	w := newWorld(t)
	job := w.create(group("deploy"))
	w.clock.Advance(15 * 24 * time.Hour)
	if n := w.tickets(); n != 0 {
		t.Errorf("%d tickets after 15 days; SQS keeps them for 14", n)
	}
	k := w.worker("late")
	k.take(false)
	if r := w.sweep(); r.Expired != 1 {
		t.Errorf("sweep %+v, want one expired", r)
	}
	w.want(job.Spec.ID, errand.Failed, errand.ReasonExpired, 0)
	next := w.create(group("deploy"))
	if a := k.take(true); a.JobID != next.Spec.ID {
		t.Errorf("got %s, want the next job of the group", a.JobID)
	}
}
