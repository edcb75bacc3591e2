package sqs

import (
	"container/list"
	"sync"

	"github.com/errandhq/errand/localstack/internal/kv"
)

// queueRecord is a queue as it is stored. Times are milliseconds since 1970.
type queueRecord struct {
	Region     string
	Name       string
	FIFO       bool
	Created    int64
	Modified   int64
	Purged     int64             `json:",omitempty"`
	Salt       []byte            // signs receipt handles
	Attributes map[string]string // those that were set
	Tags       map[string]string `json:",omitempty"`
	// GroupDedup is whether deduplication is per group. It is fixed at
	// creation: AWS ignores later changes of DeduplicationScope.
	GroupDedup bool `json:",omitempty"`
}

// A queue is one queue in memory: which message is next, what is in flight, and
// which receives wait.
type queue struct {
	e  *Engine
	id uint64

	mu         sync.Mutex
	rec        queueRecord
	settings   settings // of rec.Attributes
	deleted    bool
	lastSeq    uint64
	advancedTo int64 // the time of the last advance
	count      int   // messages, including those in flight and delayed
	backlog    backlog
	inFlight   map[uint64]*inFlightMessage
	deadlines  indexedHeap[*inFlightMessage]
	expired    []uint64  // to be deleted from the store
	periods    []uint64  // of the deduplication window that may have records, ascending
	waiters    list.List // of *waiter, in the order of their arrival
	wakeTimer  wakeTimer
}

func newQueue(e *Engine, id uint64, rec queueRecord) (*queue, error) {
	set, err := parseSettings(rec.Attributes)
	if err != nil {
		return nil, err
	}
	q := &queue{e: e, id: id, rec: rec, settings: set}
	q.reset()
	q.wakeTimer = wakeTimer{clock: e.Clock, fire: q.wakeTimerFired}
	return q, nil
}

// reset removes all messages from memory.
func (q *queue) reset() {
	q.count = 0
	q.inFlight = map[uint64]*inFlightMessage{}
	q.deadlines = newDeadlineHeap()
	q.expired = nil
	q.periods = nil
	if q.rec.FIFO {
		q.backlog = newFIFOBacklog(q)
	} else {
		q.backlog = newStandardBacklog()
	}
}

// transact runs f under the queue's lock and applies its batch.
func (q *queue) transact(f func(q *queue, t *txn) error) (kv.Pending, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.transactLocked(f)
}

func (q *queue) transactLocked(f func(q *queue, t *txn) error) (kv.Pending, error) {
	if q.deleted {
		return kv.Pending{}, errNoQueue()
	}
	if err := q.e.checkWritable(); err != nil {
		return kv.Pending{}, err
	}
	t := &txn{Batch: q.e.Store.NewBatch(), now: q.e.now()}
	q.advance(t.now)
	defer q.wakeWaiter(t.now)
	if err := f(q, t); err != nil {
		return kv.Pending{}, q.e.toAnswer(err)
	}
	return q.apply(t)
}

func (q *queue) apply(t *txn) (kv.Pending, error) {
	q.deleteExpired(t, maxExpiredPerBatch)
	switch {
	case t.Empty() && t.awaitEarlierWrites:
		return q.e.Store.Applied(), nil
	case t.Empty():
		return kv.Pending{}, nil
	}
	p, err := t.ApplyInReserve()
	if err != nil {
		return kv.Pending{}, q.e.storeFailed(err)
	}
	return p, nil
}

// advance makes messages visible whose visibility timeout or delay is over, and
// removes those beyond their retention.
func (q *queue) advance(now int64) {
	q.advancedTo = now
	for q.deadlines.Len() > 0 && q.deadlines.first().state.VisibleAt <= now {
		m := q.deadlines.first()
		q.removeInFlight(m)
		q.backlog.messageVisible(m)
	}
	q.backlog.advance(now)
	q.backlog.expire(now-q.settings.retention, q.expire)
}

func (q *queue) arn() string { return queueARN(q.rec.Region, q.rec.Name) }
