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
	queues   queueCache
	arrivals arrivals
	lines    pollLines
	tokens   tokenCache

	mu      sync.Mutex
	waiting map[string]*waiters // by job ID
}

// anyJob is subscribed to by requests that wait for a change of any job.
const anyJob = ""

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
	for _, id := range []string{jobID, anyJob} {
		if w := c.waiting[id]; w != nil {
			close(w.changed)
			delete(c.waiting, id)
		}
	}
}

// publishingStore publishes each state that it writes.
type publishingStore struct {
	Store
	changes *Changes
}

// PutWorker publishes a change of any job, as a worker may take one now.
func (s publishingStore) PutWorker(ctx context.Context, w *errand.Worker) error {
	err := s.Store.PutWorker(ctx, w)
	if err == nil {
		s.changes.publish(anyJob)
	}
	return err
}

func (s publishingStore) PutState(ctx context.Context, st *errand.State) error {
	err := s.Store.PutState(ctx, st)
	if err == nil {
		s.changes.publish(st.Record().JobID)
		s.arrive(st)
	}
	return err
}

func (s publishingStore) CreateJob(ctx context.Context, spec *errand.Spec, st *errand.State) error {
	err := s.Store.CreateJob(ctx, spec, st)
	if err == nil {
		s.arrive(st)
	}
	return err
}

func (s publishingStore) arrive(st *errand.State) {
	if r := st.Record(); r.Waiting {
		s.changes.arrivals.arrive(arrival{r.Queue, r.Kind})
	}
}
