package sqs

import (
	"sync"
	"sync/atomic"
	"time"
)

// The janitor removes from the store what has expired: deduplication records,
// attempts and messages beyond retention. Nothing depends on it but space:
// whoever reads a record looks at its time too.
type janitor struct {
	e     *Engine
	armed atomic.Bool
	due   chan struct{}
	done  sync.WaitGroup
}

const (
	janitorPause = time.Minute
	janitorBatch = 1000 // messages removed under one lock
)

func (j *janitor) start(e *Engine) {
	j.e = e
	j.due = make(chan struct{}, 1)
	j.done.Add(1)
	go j.run()
	j.expect()
}

// expect has the janitor look around in a while.
func (j *janitor) expect() {
	if j.armed.Load() || !j.armed.CompareAndSwap(false, true) {
		return
	}
	j.e.cfg.Clock.AfterFunc(janitorPause, func() {
		j.armed.Store(false)
		select {
		case j.due <- struct{}{}:
		default:
		}
	})
}

func (j *janitor) run() {
	defer j.done.Done()
	for {
		select {
		case <-j.e.done:
			return
		case <-j.due:
			j.e.sweep()
		}
	}
}

func (j *janitor) wait() { j.done.Wait() }

// sweep cleans all queues, and comes again if one has messages or records.
func (e *Engine) sweep() {
	if e.enter() != nil {
		return
	}
	defer e.leave()
	e.mu.RLock()
	queues := make([]*queue, 0, len(e.queues))
	for _, q := range e.queues {
		queues = append(queues, q)
	}
	e.mu.RUnlock()
	again := false
	for _, q := range queues {
		more, err := q.sweep()
		again = again || more
		if err != nil { // the engine is broken, or the disk is full for now
			again = e.broken.Load() == nil
			break
		}
	}
	if again {
		e.janitor.expect()
	}
}

func (q *queue) sweep() (again bool, err error) {
	for full := true; full; {
		select {
		case <-q.e.done:
			return false, nil
		default:
		}
		deleted := false
		p, err := q.transact(func(q *queue, t *txn) error {
			again = q.deleteExpiredPeriods(t) || q.count > 0
			q.deleteExpired(t, janitorBatch)
			full = len(q.expired) > 0
			return nil
		})
		q.mu.Lock()
		deleted = q.deleted
		q.mu.Unlock()
		if deleted {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if err := q.e.waitDurable(p); err != nil {
			return false, err
		}
	}
	return again, nil
}
