package control

import (
	"context"
	"sync"

	"github.com/errandhq/errand"
)

// Changes wakes the requests of this process that wait for a change of a job, as soon
// as another request has written it. It is a hint: a change that another process wrote
// is found when the waiting request looks again. The zero value is ready to use.
type Changes struct {
	mu      sync.Mutex
	waiting map[string]*waiters // by job ID
}

// waiters are the requests that wait for one job.
type waiters struct {
	count   int
	changed chan struct{} // closed by the next change
}

// subscribe returns a channel that the job's next change closes. The caller must call
// stop.
func (c *Changes) subscribe(jobID string) (changed <-chan struct{}, stop func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.waiting[jobID]
	if w == nil {
		if c.waiting == nil {
			c.waiting = map[string]*waiters{}
		}
		w = &waiters{changed: make(chan struct{})}
		c.waiting[jobID] = w
	}
	w.count++
	return w.changed, func() { c.unsubscribe(jobID, w) }
}

func (c *Changes) unsubscribe(jobID string, w *waiters) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w.count--; w.count == 0 && c.waiting[jobID] == w {
		delete(c.waiting, jobID)
	}
}

func (c *Changes) publish(jobID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w := c.waiting[jobID]; w != nil {
		close(w.changed)
		delete(c.waiting, jobID)
	}
}

// publishingStore publishes each state that it writes.
type publishingStore struct {
	Store
	changes *Changes
}

func (s publishingStore) PutState(ctx context.Context, st *errand.State) error {
	err := s.Store.PutState(ctx, st)
	if err == nil {
		s.changes.publish(st.Record().JobID)
	}
	return err
}
