package flow

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// errFault is the error of an operation that was made to fail.
var errFault = errors.New("made to fail")

// A fault makes the next call of one operation fail, before or after it takes
// effect. Calls of other operations succeed.
type fault struct {
	op      string
	applied bool
}

// faults has at most one fault at a time.
type faults struct {
	mu    sync.Mutex
	next  *fault
	fired bool
}

func (f *faults) set(op string, applied bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next, f.fired = &fault{op, applied}, false
}

func (f *faults) happened() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fired
}

// do runs an operation, or fails it if a fault is set.
func (f *faults) do(op string, run func() error) error {
	f.mu.Lock()
	hit := f.next
	if hit != nil && hit.op == op {
		f.next, f.fired = nil, true
	} else {
		hit = nil
	}
	f.mu.Unlock()
	if hit == nil {
		return run()
	}
	if hit.applied {
		if err := run(); err != nil {
			return err
		}
	}
	return errFault
}

// faultyStore fails writes of the store.
type faultyStore struct {
	control.Store
	*faults
}

func (s faultyStore) CreateJob(ctx context.Context, spec *errand.Spec, st *errand.State) error {
	return s.do("CreateJob", func() error { return s.Store.CreateJob(ctx, spec, st) })
}

func (s faultyStore) Job(ctx context.Context, id string) (spec *errand.Spec, st *errand.State, err error) {
	err = s.do("Job", func() error { spec, st, err = s.Store.Job(ctx, id); return err })
	return spec, st, err
}

func (s faultyStore) AddDependent(ctx context.Context, awaited, dependent string) error {
	return s.do("AddDependent", func() error { return s.Store.AddDependent(ctx, awaited, dependent) })
}

func (s faultyStore) State(ctx context.Context, id string) (st *errand.State, err error) {
	err = s.do("State", func() error { st, err = s.Store.State(ctx, id); return err })
	return st, err
}

func (s faultyStore) Dependents(ctx context.Context, id, after string) (ids []string, err error) {
	err = s.do("Dependents", func() error { ids, err = s.Store.Dependents(ctx, id, after); return err })
	return ids, err
}

func (s faultyStore) PutState(ctx context.Context, st *errand.State) error {
	return s.do("PutState", func() error { return s.Store.PutState(ctx, st) })
}

func (s faultyStore) PutResult(ctx context.Context, id string, attempt int, r *errand.Result) error {
	return s.do("PutResult", func() error { return s.Store.PutResult(ctx, id, attempt, r) })
}

func (s faultyStore) PutWorker(ctx context.Context, w *errand.Worker) error {
	return s.do("PutWorker", func() error { return s.Store.PutWorker(ctx, w) })
}

func (s faultyStore) Claim(ctx context.Context, c control.Claim) (out control.Claim, err error) {
	err = s.do("Claim", func() error { out, err = s.Store.Claim(ctx, c); return err })
	return out, err
}

// faultyQueue fails calls to the queue.
type faultyQueue struct {
	control.Queue
	*faults
}

func (q faultyQueue) Send(ctx context.Context, queue, group, dedup, job string) error {
	return q.do("Send", func() error { return q.Queue.Send(ctx, queue, group, dedup, job) })
}

func (q faultyQueue) Receive(ctx context.Context, queue, attempt string, count int, wait, hold time.Duration) (t []control.Ticket, err error) {
	err = q.do("Receive", func() error { t, err = q.Queue.Receive(ctx, queue, attempt, count, wait, hold); return err })
	if err != nil {
		t = nil
	}
	return t, err
}

func (q faultyQueue) Hide(ctx context.Context, queue, handle string, d time.Duration) error {
	return q.do("Hide", func() error { return q.Queue.Hide(ctx, queue, handle, d) })
}

func (q faultyQueue) Ring(ctx context.Context, n int) error {
	return q.do("Ring", func() error { return q.Queue.Ring(ctx, n) })
}

func (q faultyQueue) Delete(ctx context.Context, queue, handle string) error {
	return q.do("Delete", func() error { return q.Queue.Delete(ctx, queue, handle) })
}

func (s faultyStore) PutSchedule(ctx context.Context, sc *errand.Schedule) error {
	return s.do("PutSchedule", func() error { return s.Store.PutSchedule(ctx, sc) })
}

func (s faultyStore) AddScheduleJob(ctx context.Context, k errand.ScheduleKey, id string) error {
	return s.do("AddScheduleJob", func() error { return s.Store.AddScheduleJob(ctx, k, id) })
}
