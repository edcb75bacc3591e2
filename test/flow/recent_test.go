package flow

import (
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// A process goes by the states that it wrote a moment ago. The tests below have another
// process write the job since.

// TestOtherProcessGaveItAgain: the report of an attempt that this process doesn't know of is
// taken, and that of the one that it knows of is refused.
func TestOtherProcessGaveItAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.otherProcess()
	w.create(attempts(2))
	first := w.worker("a")
	a := first.syncTake(1)[0]
	gone := other.worker("b")
	if status, err := other.asWorker(first).fail(a, errand.ReasonWorkerStopped); err != nil || status != errand.Pending {
		t.Fatalf("given back: %s, %v", status, err)
	}
	again := gone.syncTake(1)[0]
	_, err := first.submit(a, 0)
	wantCode(t, err, errand.CodeStaleAttempt)
	if status, err := w.asWorker(gone).submit(again, 7); err != nil || status != errand.Completed {
		t.Errorf("the report of the attempt that is current: %s, %v", status, err)
	}
	if st := other.job(a.JobID).State; st.Attempt != 2 || *st.ExitCode != 7 {
		t.Errorf("the job has attempt %d, exit code %d", st.Attempt, *st.ExitCode)
	}
}

// asWorker is the worker with its requests at another process.
func (w *world) asWorker(k *worker) *worker {
	at := *k
	at.world = w
	return &at
}

// TestOtherProcessCancelledIt: a job that this process created is not given out.
func TestOtherProcessCancelledIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	job := w.create()
	other := w.otherProcess()
	if _, err := other.svc.Cancel(w.ctx, w.user, job.Spec.ID); err != nil {
		t.Fatal(err)
	}
	w.worker("a").take(false)
	w.want(job.Spec.ID, errand.Cancelled, errand.ReasonCancelled, 0)
}

// TestOtherProcessReleasedIt: a job that was held, when this process wrote it, is given out
// as soon as it has a ticket.
func TestOtherProcessReleasedIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.otherProcess()
	job := w.create(func(s *errand.Spec) { s.NotBefore = w.clock.Now().Add(10 * time.Second) })
	w.clock.Advance(time.Minute / 2)
	other.sweep()
	if a := w.worker("a").take(true); a.JobID != job.Spec.ID {
		t.Errorf("got %s", a.JobID)
	}
}

// TestLogOfAJobThatEndedHere is answered from memory, and to its owner only.
func TestLogOfAJobThatEndedHere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create()
	k := w.worker("a")
	a := k.syncTake(1)[0]
	if _, err := k.submit(a, 3); err != nil {
		t.Fatal(err)
	}
	w.faults.set("Job", false)
	page, err := w.svc.Logs(w.ctx, w.user, control.LogRequest{JobID: a.JobID})
	if err != nil || !page.Done || page.Job == nil || *page.Job.State.ExitCode != 3 || w.faults.happened() {
		t.Errorf("%+v, %v; the job was read: %v", page, err, w.faults.happened())
	}
	stranger := w.user
	stranger.Owner = "bob"
	_, err = w.svc.Logs(w.ctx, stranger, control.LogRequest{JobID: a.JobID})
	wantCode(t, err, errand.CodeJobNotFound)
}
