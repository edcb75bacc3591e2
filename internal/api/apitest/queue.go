package apitest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/errandhq/errand/internal/control"
)

// Queue is an control.Queue in memory: FIFO lanes, of which a hidden ticket
// blocks the rest. It knows no attempt IDs.
type Queue struct {
	now func() time.Time

	mu      sync.Mutex
	tickets []*ticket
	sent    map[string]bool // deduplication IDs
	changed chan struct{}   // closed, and made anew, when a ticket may have shown
	handles int
}

type ticket struct {
	queue, lane, jobID, handle string
	shows                      time.Time
}

var _ control.Queue = (*Queue)(nil)

// NewQueue returns an empty Queue that runs by now.
func NewQueue(now func() time.Time) *Queue {
	return &Queue{now: now, sent: map[string]bool{}, changed: make(chan struct{})}
}

func (q *Queue) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// Send implements control.Queue.
func (q *Queue) Send(_ context.Context, queue, lane, dedupID, jobID string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.sent[dedupID] {
		q.sent[dedupID] = true
		q.tickets = append(q.tickets, &ticket{queue: queue, lane: lane, jobID: jobID})
		q.wake()
	}
	return nil
}

// Receive implements control.Queue.
func (q *Queue) Receive(ctx context.Context, queue, _ string, wait, hold time.Duration) (*control.Ticket, error) {
	deadline := time.After(wait)
	for {
		t, changed := q.next(queue, hold)
		if t != nil || wait == 0 {
			return t, nil
		}
		select {
		case <-changed:
		case <-deadline:
			return nil, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (q *Queue) next(queue string, hold time.Duration) (*control.Ticket, <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	blocked := map[string]bool{}
	for _, t := range q.tickets {
		if t.queue != queue || blocked[t.lane] {
			continue
		}
		if blocked[t.lane] = true; t.shows.After(q.now()) {
			continue
		}
		q.handles++
		t.handle, t.shows = fmt.Sprint(q.handles), q.now().Add(hold)
		return &control.Ticket{JobID: t.jobID, Handle: t.handle}, nil
	}
	return nil, q.changed
}

// Hide implements control.Queue.
func (q *Queue) Hide(_ context.Context, _, handle string, d time.Duration) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, t := range q.tickets {
		if t.handle == handle {
			t.shows = q.now().Add(d)
			q.wake()
			return nil
		}
	}
	return fmt.Errorf("hide: no ticket has the handle %q", handle)
}

// Ring implements control.Queue: nobody waits at a bell here.
func (q *Queue) Ring(context.Context, string) error { return nil }

// Delete implements control.Queue.
func (q *Queue) Delete(_ context.Context, _, handle string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.tickets = slices.DeleteFunc(q.tickets, func(t *ticket) bool { return t.handle == handle })
	q.wake()
	return nil
}
