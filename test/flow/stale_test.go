package flow

import (
	"errors"
	"testing"
	"time"

	"github.com/errandhq/errand"
)

// TestGroupAfterLostDelete: if the deletion of a finished job's ticket failed, the
// ticket blocks its group until the worker's next report, or for at most two sweeps
// if the worker was answered and doesn't repeat its report.
func TestGroupAfterLostDelete(t *testing.T) {
	for _, op := range []string{"PutState", "Delete"} {
		t.Run(op, func(t *testing.T) {
			w := newWorld(t)
			first, second := w.create(group("deploy")), w.create(group("deploy"))
			k := w.worker("a")
			a := k.take(true)
			k.beat(a) // hides the ticket for 15 minutes
			w.faults.set(op, op == "PutState")
			if _, err := k.submit(a, 0); err != nil {
				_, err = k.submit(a, 0)
				wantCode(t, err, "")
			} else {
				w.clock.Advance(time.Minute)
				w.sweep()
			}
			w.want(first.Spec.ID, errand.Completed, "", 1)
			if b := k.take(true); b.JobID != second.Spec.ID {
				t.Errorf("got %s, want the group's next, %s", b.JobID, second.Spec.ID)
			}
			if r := w.sweep(); r.Looked > 1 { // the second job's own turn
				t.Errorf("sweep %+v: the finished job is looked at again", r)
			}
		})
	}
}

// TestGroupAfterLostShow: if the ticket of a job that may be assigned again couldn't
// be made visible, the next sweep does it, and sends no second ticket.
func TestGroupAfterLostShow(t *testing.T) {
	t.Run("lease over", func(t *testing.T) {
		w := newWorld(t)
		job := w.create(attempts(2))
		k := w.worker("a")
		k.beat(k.take(true))
		w.clock.Advance(6 * time.Minute)
		w.faults.set("Hide", false)
		w.sweep()
		checkShown(w, job.Spec.ID)
	})
	t.Run("given back", func(t *testing.T) {
		w := newWorld(t)
		job := w.create(attempts(2), func(s *errand.Spec) { s.LeaseSeconds = errand.MaxLeaseSeconds })
		k := w.worker("a")
		a := k.take(true)
		k.beat(a)
		w.faults.set("Hide", false)
		if status, err := k.fail(a, errand.ReasonWorkerStopped); err != nil || status != errand.Pending {
			t.Fatalf("give back: %s, %v", status, err)
		}
		checkShown(w, job.Spec.ID)
	})
}

// checkShown sweeps after a minute; the job must be given out then.
func checkShown(w *world, id string) {
	w.t.Helper()
	w.worker("b").take(false)
	w.clock.Advance(time.Minute)
	w.sweep()
	if n := w.tickets(); n != 1 {
		w.t.Errorf("%d tickets, want 1", n)
	}
	if a := w.worker("b").take(true); a.JobID != id || a.Attempt != 2 {
		w.t.Errorf("got %s attempt %d, want %s attempt 2", a.JobID, a.Attempt, id)
	}
}

// TestTicketOfAFailedPoll: a poll that took a ticket and failed before it wrote
// an assignment shows it again: another worker has the job at once.
func TestTicketOfAFailedPoll(t *testing.T) {
	for _, op := range []string{"Job", "PutWorker"} {
		w := newWorld(t)
		job := w.create(group("deploy"))
		k, other := w.otherProcess().worker("a"), w.worker("b")
		w.faults.set(op, false)
		if _, err := k.poll("p"); !errors.Is(err, errFault) {
			t.Fatalf("%s: %v", op, err)
		}
		if a := other.take(true); a.JobID != job.Spec.ID || a.Attempt != 1 {
			t.Errorf("%s failed: got %s attempt %d, want %s attempt 1", op, a.JobID, a.Attempt, job.Spec.ID)
		}
	}
}

// TestGivenBack: a returned job has no worker. A heartbeat that crossed the report
// doesn't revive it, and the report may be repeated.
func TestGivenBack(t *testing.T) {
	w := newWorld(t)
	job := w.create(attempts(2))
	k := w.worker("a")
	a := k.take(true)
	k.beat(a)
	for range 2 {
		if status, err := k.fail(a, errand.ReasonWorkerStopped); err != nil || status != errand.Pending {
			t.Fatalf("give back: %s, %v", status, err)
		}
		if o := k.beat(a)[0]; o.Order != errand.OrderAbandon {
			t.Errorf("order %q, want abandon", o.Order)
		}
	}
	st := w.job(job.Spec.ID).State
	if st.Status != errand.Pending || st.WorkerID != "" {
		t.Errorf("job is %s of worker %q, want pending of none", st.Status, st.WorkerID)
	}
	w.clock.Advance(20 * 24 * time.Hour) // "expired" is for jobs that nobody took
	w.sweep()
	b := w.worker("b").take(true)
	if b.JobID != job.Spec.ID || b.Attempt != 2 || b.Retryable {
		t.Errorf("got %+v, want attempt 2, the last, of %s", b, job.Spec.ID)
	}
	_, err := w.worker("a").fail(a, errand.ReasonWorkerStopped) // its record had gone after 7 days
	wantCode(t, err, errand.CodeStaleAttempt)
}

// TestStoppedWhileCancelled: a job that was to be cancelled, and whose worker
// was stopped first, is cancelled.
func TestStoppedWhileCancelled(t *testing.T) {
	for _, n := range []int{1, 2} {
		w := newWorld(t)
		job := w.create(attempts(n))
		k := w.worker("a")
		a := k.take(true)
		k.beat(a)
		_, err := w.svc.Cancel(w.ctx, w.user, job.Spec.ID)
		wantCode(t, err, "")
		if status, err := k.fail(a, errand.ReasonWorkerStopped); err != nil || status != errand.Cancelled {
			t.Errorf("of %d attempts: %s, %v, want cancelled", n, status, err)
		}
	}
}
