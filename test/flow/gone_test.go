package flow

import (
	"context"
	"testing"
	"time"

	"github.com/errandhq/errand/internal/control"
)

// A leavingQueue has the caller of a poll go away when it receives a ticket.
type leavingQueue struct {
	control.Queue
	leave func()
}

func (q leavingQueue) Receive(ctx context.Context, queue, attemptID string, count int, wait, hold time.Duration) ([]control.Ticket, error) {
	tickets, err := q.Queue.Receive(ctx, queue, attemptID, count, wait, hold)
	if len(tickets) > 0 {
		q.leave()
	}
	return tickets, err
}

// TestPollOfGoneWorker: a poll whose caller is gone takes nothing, and the next poll
// gets the job at once.
func TestPollOfGoneWorker(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, nil)
	gone, next := w.worker("gone"), w.worker("next")
	job := w.create()
	ctx, cancel := context.WithCancel(w.ctx)
	queue := w.svc.Queue
	w.svc.Queue = leavingQueue{queue, cancel}
	a, err := w.svc.TakeJob(ctx, gone.caller, control.TakeRequest{WorkerID: gone.id, Epoch: gone.epoch, PollID: "poll-1"})
	if a != nil || err == nil {
		t.Errorf("the poll of a worker that has gone: %+v, %v", a, err)
	}
	w.svc.Queue = queue
	if a := next.take(true); a.JobID != job.Spec.ID || a.Attempt != 1 {
		t.Errorf("the next poll got %s, attempt %d; want %s, attempt 1", a.JobID, a.Attempt, job.Spec.ID)
	}
}

// TestTry: attempts that no worker accepted aren't counted in what people read.
func TestTry(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, nil)
	k := w.worker("a")
	job := w.create()
	want := func(attempt, try int) {
		t.Helper()
		if st := w.job(job.Spec.ID).State; st.Attempt != attempt || st.Try() != try {
			t.Errorf("attempt %d, try %d; want %d and %d", st.Attempt, st.Try(), attempt, try)
		}
	}
	want(0, 0)
	k.take(true)
	want(1, 1)
	w.clock.Advance(time.Minute)
	k.beat(k.take(true))
	want(2, 1)
}
