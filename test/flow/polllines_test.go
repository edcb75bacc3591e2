package flow

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/errandhq/errand/internal/control"
)

// countedQueue counts the calls that wait at a queue.
type countedQueue struct {
	control.Queue
	looked chan struct{} // a value for each call that doesn't wait

	mu        sync.Mutex
	now, most int
}

func (q *countedQueue) Receive(ctx context.Context, queue, attemptID string, count int, wait, hold time.Duration) ([]control.Ticket, error) {
	if wait == 0 {
		select {
		case q.looked <- struct{}{}:
		default:
		}
		return q.Queue.Receive(ctx, queue, attemptID, count, wait, hold)
	}
	q.mu.Lock()
	q.now++
	q.most = max(q.most, q.now)
	q.mu.Unlock()
	defer func() {
		q.mu.Lock()
		q.now--
		q.mu.Unlock()
	}()
	return q.Queue.Receive(ctx, queue, attemptID, count, wait, hold)
}

// TestPollsWaitInLine: of many polls that wait, eight wait at the queue. Each of them gets
// a job all the same, without time passing.
func TestPollsWaitInLine(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, nil)
	const polls, jobs, atQueue = 20, 15, 8
	q := &countedQueue{Queue: w.svc.Queue, looked: make(chan struct{}, 1000)}
	w.svc.Queue = q
	ctx, stop := context.WithCancel(w.ctx)
	defer stop()
	taken := make(chan string, polls)
	var wg sync.WaitGroup
	for n := range polls {
		k := w.worker(fmt.Sprint(n))
		wg.Go(func() {
			a, err := k.svc.TakeJob(ctx, k.caller, control.TakeRequest{WorkerID: k.id, Epoch: k.epoch, PollID: "p" + k.id, Wait: w.svc.Timing.Heartbeat})
			switch {
			case err != nil && ctx.Err() == nil:
				t.Error(err)
			case a != nil:
				taken <- a.JobID
			}
		})
	}
	for range polls - atQueue { // those that don't wait at the queue have looked once
		<-q.looked
	}
	for range jobs {
		w.create()
	}
	got := map[string]bool{}
	for range jobs {
		got[<-taken] = true
	}
	stop()
	wg.Wait()
	if len(got) != jobs || len(taken) > 0 {
		t.Errorf("%d jobs were taken, and %d more, want %d", len(got), len(taken), jobs)
	}
	if q.most != atQueue {
		t.Errorf("%d polls waited at the queue at a time, want %d", q.most, atQueue)
	}
}

// receivedTickets counts the tickets that polls receive.
type receivedTickets struct {
	control.Queue
	n int
}

func (q *receivedTickets) Receive(ctx context.Context, queue, attemptID string, count int, wait, hold time.Duration) ([]control.Ticket, error) {
	tickets, err := q.Queue.Receive(ctx, queue, attemptID, count, wait, hold)
	q.n += len(tickets)
	return tickets, err
}

// TestWorkersWithTheSamePollID: a poll gets the tickets of its own repetition again, and
// none of another worker's poll.
func TestWorkersWithTheSamePollID(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, nil)
	q := &receivedTickets{Queue: w.svc.Queue}
	w.svc.Queue = q
	one, other := w.worker("one"), w.worker("other")
	first, second := w.create(), w.create()
	for i, taken := range []struct {
		k    *worker
		want string
	}{{one, first.Spec.ID}, {other, second.Spec.ID}} {
		a, err := w.svc.TakeJob(w.ctx, taken.k.caller, control.TakeRequest{WorkerID: taken.k.id, Epoch: taken.k.epoch, PollID: "1"})
		if err != nil || a == nil {
			t.Fatalf("poll %d got %v, %v", i+1, a, err)
		}
		if a.JobID != taken.want || q.n != i+1 {
			t.Errorf("poll %d got job %s after %d tickets; want %s after %d", i+1, a.JobID, q.n, taken.want, i+1)
		}
	}
}
