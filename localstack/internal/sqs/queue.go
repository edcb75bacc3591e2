package sqs

import (
	"container/heap"
	"sync"

	"github.com/errandhq/errand/localstack/internal/kv"
)

// AWS's limits on messages in flight: a standard queue answers OverLimit, a
// FIFO queue comes back empty.
const maxInFlight = 120_000

// queueRecord is a queue as it is stored. Times are milliseconds since 1970.
type queueRecord struct {
	Region     string
	Name       string
	FIFO       bool
	Created    int64
	Modified   int64
	Purged     int64             `json:",omitempty"`
	Salt       []byte            // seals receipt handles
	Attributes map[string]string // those that were set
	Tags       map[string]string `json:",omitempty"`
	// GroupDedup is whether deduplication is per group. It is fixed at
	// creation: AWS doesn't follow a later change of DeduplicationScope.
	GroupDedup bool `json:",omitempty"`
}

// A queue is the engine's view of one queue: what is next, what is in flight,
// who waits.
type queue struct {
	e  *Engine
	id uint64

	mu        sync.Mutex
	rec       queueRecord
	set       settings // of rec.Attributes
	deleted   bool
	lastSeq   uint64 // given out
	settled   int64  // when memory was last brought up to now
	count     int    // messages, in whatever state
	lane      lane
	flying    map[uint64]*flight
	deadlines flightHeap
	doomed    []uint64 // expired, gone from memory, to be deleted from the store
	terms     []uint64 // of which the store may have records, ascending
	recent    recent
	waiters   waiters
	alarm     alarm
}

// A flight is a message between receive and delete.
type flight struct {
	seq   uint64
	state stateRecord // Hidden is the deadline
	group *group      // nil in a standard queue
	index int         // in the heap of deadlines
}

// A lane decides which of a queue's messages is next. The queue's flying map
// tells it what is in flight.
type lane interface {
	// add takes a message that comes up at the given time.
	add(seq uint64, group string, at int64)
	// hidden and back follow a message into flight, other than by take, and
	// out of it; gone removes one that was deleted, in flight or not.
	hidden(f *flight)
	back(f *flight)
	gone(f *flight)
	// take offers messages to f, best first, until it stops or none is left.
	take(now int64, f func(seq uint64, g *group) verdict)
	// settle makes available what has become so by now.
	settle(now int64)
	// ready is whether take would offer something; next is when that could
	// change with no operation, and 0 if never.
	ready(now int64) bool
	next() int64
	// expire removes available messages sent before the horizon.
	expire(horizon int64, f func(seq uint64))
	// holds is whether a message that was received, and isn't in flight, is
	// still in the queue. The store may have it longer.
	holds(seq uint64, group string) bool
	// delayed is how many messages aren't up yet.
	delayed(now int64) int
	// groupOf is the group of that name; nil where there is none.
	groupOf(name string) *group
}

// verdict is what became of a message that take offered.
type verdict int

const (
	taken   verdict = iota // it is in flight now
	dropped                // it is no longer in the queue
	passed                 // untouched, and its group with it; offer others
	stop                   // untouched; offer no more
)

func newQueue(e *Engine, id uint64, rec queueRecord) (*queue, error) {
	set, err := parseSettings(rec.Attributes)
	if err != nil {
		return nil, err
	}
	q := &queue{e: e, id: id, rec: rec, set: set}
	q.reset()
	q.alarm.init(e.cfg.Clock, q.ring)
	return q, nil
}

// reset forgets all messages.
func (q *queue) reset() {
	q.count = 0
	q.flying = map[uint64]*flight{}
	q.deadlines = nil
	q.doomed = nil
	q.recent = recent{}
	q.terms = nil
	if q.rec.FIFO {
		q.lane = newFIFOLane(q)
	} else {
		q.lane = newOpenLane()
	}
}

// do runs f under the queue's lock and applies its batch.
func (q *queue) do(f func(q *queue, t *txn) error) (kv.Pending, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.doLocked(f)
}

func (q *queue) doLocked(f func(q *queue, t *txn) error) (kv.Pending, error) {
	if q.deleted {
		return kv.Pending{}, errNoQueue()
	}
	if err := q.e.writable(); err != nil {
		return kv.Pending{}, err
	}
	t := &txn{Batch: q.e.cfg.Store.NewBatch(), now: q.e.now()}
	q.settle(t.now)
	defer q.rouse(t.now)
	if err := f(q, t); err != nil {
		return kv.Pending{}, q.e.asError(err)
	}
	return q.apply(t)
}

func (q *queue) apply(t *txn) (kv.Pending, error) {
	q.eraseDoomed(t, doomedAtOnce)
	switch {
	case t.Empty() && t.promises:
		return q.e.cfg.Store.Applied(), nil
	case t.Empty():
		return kv.Pending{}, nil
	}
	p, err := t.ApplyInReserve()
	if err != nil {
		return kv.Pending{}, q.e.fail(err)
	}
	return p, nil
}

// doomedAtOnce is how many expired messages an operation takes from the store
// on the way. Where a million expire together, the janitor does the rest.
const doomedAtOnce = 20

func (q *queue) eraseDoomed(t *txn, limit int) {
	n := min(limit, len(q.doomed))
	for _, seq := range q.doomed[:n] {
		q.erase(t, seq)
		t.Delete(q.e.space, messageKey(kindBody, q.id, seq)) // if it is apart
	}
	if q.doomed = q.doomed[n:]; len(q.doomed) == 0 {
		q.doomed = nil
	}
}

// settle brings memory up to now: what was in flight or delayed comes back,
// what is too old goes.
func (q *queue) settle(now int64) {
	q.settled = now
	for len(q.deadlines) > 0 && q.deadlines[0].state.Hidden <= now {
		f := q.deadlines[0]
		q.land(f)
		q.lane.back(f)
	}
	q.lane.settle(now)
	q.lane.expire(now-q.set.retention, q.doom)
}

// doom takes a message out of the count and notes it for the next batch.
func (q *queue) doom(seq uint64) {
	q.count--
	q.doomed = append(q.doomed, seq)
}

// tooOld is whether a message's retention is over, by when it was first sent: in
// a standard dead-letter queue it began elsewhere.
func (q *queue) tooOld(t *txn, s stateRecord) bool { return s.Sent+q.set.retention <= t.now }

// nextSeq gives out a sequence number.
func (q *queue) nextSeq(now int64) uint64 {
	q.lastSeq = max(q.lastSeq+1, uint64(now)<<seqShift)
	return q.lastSeq
}

const seqShift = 20

// sentAt is the time a sequence number was given out.
func sentAt(seq uint64) int64 { return int64(seq >> seqShift) }

// fly puts a message into flight until state.Hidden.
func (q *queue) fly(seq uint64, state stateRecord, g *group) *flight {
	f := &flight{seq: seq, state: state, group: g}
	q.flying[seq] = f
	heap.Push(&q.deadlines, f)
	return f
}

// land takes a message out of flight.
func (q *queue) land(f *flight) {
	heap.Remove(&q.deadlines, f.index)
	delete(q.flying, f.seq)
}

// state is a message's state, and the body's record if that stands behind it.
func (q *queue) state(seq uint64) (s stateRecord, small []byte, ok bool, err error) {
	v, ok, err := q.e.space.Get(messageKey(kindState, q.id, seq))
	if err != nil || !ok {
		return s, nil, false, err
	}
	s, small, err = decodeState(v)
	return s, small, err == nil, err
}

// setState writes it. small is what state gave, or nothing for a body apart.
func (q *queue) setState(t *txn, seq uint64, s stateRecord, small []byte) {
	t.Set(q.e.space, messageKey(kindState, q.id, seq), s.encode(small))
}

// body is a message's body, from where its state says it is.
func (q *queue) body(seq uint64, s stateRecord, small []byte) (m bodyRecord, err error) {
	if !s.Apart {
		return decodeBody(small)
	}
	v, ok, err := q.e.space.Get(messageKey(kindBody, q.id, seq))
	if err == nil && !ok {
		err = errRecord
	}
	if err != nil {
		return m, err
	}
	return decodeBody(v)
}

// erase removes a message from the store, but for a body apart. A start learns
// the last sequence number from the messages that there are: where the newest
// goes, it is written down.
func (q *queue) erase(t *txn, seq uint64) {
	t.Delete(q.e.space, messageKey(kindState, q.id, seq))
	if seq == q.lastSeq {
		q.keepLast(t)
	}
}

func (q *queue) eraseBody(t *txn, seq uint64, s stateRecord) {
	if s.Apart {
		t.Delete(q.e.space, messageKey(kindBody, q.id, seq))
	}
}

func (q *queue) keepLast(t *txn) {
	t.Set(q.e.space, queueKey(kindLast, q.id), be64(nil, q.lastSeq))
}

// remove takes a message, in flight or not, out of memory and store. f.group
// is set in a FIFO queue.
func (q *queue) remove(t *txn, f *flight) {
	if q.flying[f.seq] == f {
		q.land(f)
	}
	q.lane.gone(f)
	q.count--
	q.erase(t, f.seq)
	q.eraseBody(t, f.seq, f.state)
	if t.removed == nil {
		t.removed = map[uint64]bool{}
	}
	t.removed[f.seq] = true
}

func (q *queue) arn() string { return arnOf(q.rec.Region, q.rec.Name) }

// flightHeap orders what is in flight by its deadline.
type flightHeap []*flight

func (h flightHeap) Len() int { return len(h) }
func (h flightHeap) Less(i, j int) bool {
	a, b := h[i], h[j]
	if a.state.Hidden != b.state.Hidden {
		return a.state.Hidden < b.state.Hidden
	}
	return a.seq < b.seq
}
func (h flightHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *flightHeap) Push(x any) {
	f := x.(*flight)
	f.index = len(*h)
	*h = append(*h, f)
}
func (h *flightHeap) Pop() any {
	old := *h
	f := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return f
}
