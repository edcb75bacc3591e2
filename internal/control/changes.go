package control

import (
	"context"
	"sync"
	"time"

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
	recent   recentJobs

	mu            sync.Mutex
	subscriptions map[string]map[*subscription]bool // by job ID
}

// anyJob is subscribed to by requests that wait for a change of any job.
const anyJob = ""

// subscription is of a request that waits for the changes of one job.
type subscription struct {
	changed chan struct{} // has a value after a change
	last    *errand.State // as the last change left it; nil before the first. Under Changes.mu
}

// subscribe begins a subscription. The caller must call stop.
func (c *Changes) subscribe(jobID string) (s *subscription, stop func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s = &subscription{changed: make(chan struct{}, 1)}
	if c.subscriptions == nil {
		c.subscriptions = map[string]map[*subscription]bool{}
	}
	if c.subscriptions[jobID] == nil {
		c.subscriptions[jobID] = map[*subscription]bool{}
	}
	c.subscriptions[jobID][s] = true
	return s, func() { c.unsubscribe(jobID, s) }
}

func (c *Changes) unsubscribe(jobID string, s *subscription) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.subscriptions[jobID], s)
	if len(c.subscriptions[jobID]) == 0 {
		delete(c.subscriptions, jobID)
	}
}

// publish tells those that wait for the job, or for any, of a state that was written.
func (c *Changes) publish(st *errand.State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	written := *st // the caller may change its own
	for s := range c.subscriptions[written.Record().JobID] {
		if s.last == nil || written.Record().Rev > s.last.Record().Rev { // writes may be published in another order
			s.last = &written
		}
		s.wake()
	}
	c.wakeAny()
}

// publishAny tells those that wait for a change of any job.
func (c *Changes) publishAny() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wakeAny()
}

func (c *Changes) wakeAny() {
	for s := range c.subscriptions[anyJob] {
		s.wake()
	}
}

func (s *subscription) wake() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// lastState is the state that the last change left; nil if seen is newer: another process
// wrote it.
func (c *Changes) lastState(s *subscription, seen *errand.State) *errand.State {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.last == nil || s.last.Record().Rev < seen.Record().Rev {
		return nil
	}
	last := *s.last // others have it, too
	return &last
}

// publishingStore publishes each state that it writes.
type publishingStore struct {
	Store
	changes *Changes
	now     func() time.Time
}

// PutWorker publishes a change of any job, as a worker may take one now.
func (s publishingStore) PutWorker(ctx context.Context, w *errand.Worker) error {
	err := s.Store.PutWorker(ctx, w)
	if err == nil {
		s.changes.publishAny()
	}
	return err
}

func (s publishingStore) PutState(ctx context.Context, st *errand.State) error {
	err := s.Store.PutState(ctx, st)
	if err != nil { // it may have been applied
		s.changes.recent.forget(st.Record().JobID)
		return err
	}
	s.changes.recent.keep(nil, st, s.now())
	s.changes.publish(st)
	s.arrive(st)
	return nil
}

func (s publishingStore) CreateJob(ctx context.Context, spec *errand.Spec, st *errand.State) error {
	err := s.Store.CreateJob(ctx, spec, st)
	if err != nil {
		return err
	}
	if len(specJSON(spec)) <= maxRecentSpec {
		s.changes.recent.keep(spec, st, s.now())
	}
	s.arrive(st)
	return nil
}

func (s publishingStore) arrive(st *errand.State) {
	if r := st.Record(); r.Waiting {
		s.changes.arrivals.arrive(arrival{r.Queue, r.Kind})
	}
}
