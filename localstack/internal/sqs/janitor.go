package sqs

import (
	"encoding/binary"
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
	janitorBatch = 1000 // records removed under one lock
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
		p, err := q.do(func(q *queue, t *txn) error {
			var err error
			full, again, err = q.forget(t)
			q.eraseDoomed(t, janitorBatch)
			full = full || len(q.doomed) > 0
			again = again || q.count > 0
			return err
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
		if err := q.e.wait(p); err != nil {
			return false, err
		}
	}
	return again, nil
}

// forget removes a batch of expired records: full says there may be more due,
// later that there are some which aren't yet. It begins where it last ended:
// the store takes a while to get rid of what was removed, and would have to
// step over all of it.
func (q *queue) forget(t *txn) (full, later bool, err error) {
	n, from := 0, q.forgotten
	if from == nil {
		from = queueKey(kindExpiry, q.id)
	}
	to := from
	err = q.e.space.Scan(from, queueKey(kindExpiry, q.id+1), func(key, _ []byte) (bool, error) {
		at, kind, h, ok := parseExpiryKey(key)
		if ok && (at > t.now || n == janitorBatch) {
			full, later = n == janitorBatch, true
			return false, nil
		}
		n++
		to = append(append([]byte{}, key...), 0)
		if !ok {
			return true, nil
		}
		return true, q.forgetRecord(t, kind, h)
	})
	if err == nil && n > 0 {
		t.DeleteRange(q.e.space, from, to)
		q.forgotten = to
	}
	return full, later, err
}

// forgetRecord removes a record, unless its ID was used again meanwhile.
func (q *queue) forgetRecord(t *txn, kind byte, h hash) error {
	key := hashKey(kind, q.id, h)
	v, ok, err := q.e.space.Get(key)
	if err != nil || !ok {
		return err
	}
	r := reader{b: v} // both kinds begin with a version and the expiry
	r.uint()
	if int64(r.uint()) <= t.now {
		t.Delete(q.e.space, key)
	}
	return nil
}

func parseExpiryKey(key []byte) (at int64, kind byte, h hash, ok bool) {
	if len(key) != 1+8+8+1+len(h) {
		return 0, 0, h, false
	}
	copy(h[:], key[18:])
	return int64(binary.BigEndian.Uint64(key[9:])), key[17], h, true
}
