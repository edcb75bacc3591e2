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

	mu         sync.Mutex
	rec        queueRecord
	settings   settings // of rec.Attributes
	deleted    bool
	lastSeq    uint64 // given out
	advancedTo int64  // when memory was last brought up to now
	count      int    // messages, in whatever state
	backlog    backlog
	inFlight   map[uint64]*inFlightMessage
	deadlines  deadlineHeap
	expired    []uint64 // expired, gone from memory, to be deleted from the store
	periods    []uint64 // of which the store may have records, ascending
	recent     recent
	waiters    waiters
	wakeTimer  wakeTimer
}

// A flight is a message between receive and delete.
type inFlightMessage struct {
	seq       uint64
	state     stateRecord // Hidden is the deadline
	group     *group      // nil in a standard queue
	heapIndex int         // in the heap of deadlines
}

// A lane decides which of a queue's messages is next. The queue's flying map
// tells it what is in flight.
type backlog interface {
	// add takes a message that comes up at the given time.
	add(seq uint64, group string, at int64)
	// hidden and back follow a message into flight, other than by take, and
	// out of it; gone removes one that was deleted, in flight or not.
	messageInFlight(f *inFlightMessage)
	messageVisible(f *inFlightMessage)
	remove(f *inFlightMessage)
	// take offers messages to f, best first, until it stops or none is left.
	take(now int64, f func(seq uint64, g *group) verdict)
	// settle makes available what has become so by now.
	advance(now int64)
	// ready is whether take would offer something; next is when that could
	// change with no operation, and 0 if never.
	hasAvailable(now int64) bool
	nextAvailableAt() int64
	// expire removes available messages sent before the horizon.
	expire(horizon int64, f func(seq uint64))
	// holds is whether a message that was received, and isn't in flight, is
	// still in the queue. The store may have it longer.
	contains(seq uint64, group string) bool
	// delayed is how many messages aren't up yet.
	countDelayed(now int64) int
	// groupOf is the group of that name; nil where there is none.
	findGroup(name string) *group
}

// verdict is what became of a message that take offered.
type verdict int

const (
	taken   verdict = iota // it is in flight now
	dropped                // it is no longer in the queue
	skipped                // untouched, and its group with it; offer others
	stop                   // untouched; offer no more
)

func newQueue(e *Engine, id uint64, rec queueRecord) (*queue, error) {
	set, err := parseSettings(rec.Attributes)
	if err != nil {
		return nil, err
	}
	q := &queue{e: e, id: id, rec: rec, settings: set}
	q.reset()
	q.wakeTimer.init(e.cfg.Clock, q.wakeTimerFired)
	return q, nil
}

// reset forgets all messages.
func (q *queue) reset() {
	q.count = 0
	q.inFlight = map[uint64]*inFlightMessage{}
	q.deadlines = nil
	q.expired = nil
	q.recent = recent{}
	q.periods = nil
	if q.rec.FIFO {
		q.backlog = newFIFOBacklog(q)
	} else {
		q.backlog = newStandardBacklog()
	}
}

// do runs f under the queue's lock and applies its batch.
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
	t := &txn{Batch: q.e.cfg.Store.NewBatch(), now: q.e.now()}
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
		return q.e.cfg.Store.Applied(), nil
	case t.Empty():
		return kv.Pending{}, nil
	}
	p, err := t.ApplyInReserve()
	if err != nil {
		return kv.Pending{}, q.e.failStore(err)
	}
	return p, nil
}

// doomedAtOnce is how many expired messages an operation takes from the store
// on the way. Where a million expire together, the janitor does the rest.
const maxExpiredPerBatch = 20

func (q *queue) deleteExpired(t *txn, limit int) {
	n := min(limit, len(q.expired))
	for _, seq := range q.expired[:n] {
		q.deleteState(t, seq)
		t.Delete(q.e.space, messageKey(kindBody, q.id, seq)) // if it is apart
	}
	if q.expired = q.expired[n:]; len(q.expired) == 0 {
		q.expired = nil
	}
}

// settle brings memory up to now: what was in flight or delayed comes back,
// what is too old goes.
func (q *queue) advance(now int64) {
	q.advancedTo = now
	for len(q.deadlines) > 0 && q.deadlines[0].state.VisibleAt <= now {
		f := q.deadlines[0]
		q.removeInFlight(f)
		q.backlog.messageVisible(f)
	}
	q.backlog.advance(now)
	q.backlog.expire(now-q.settings.retention, q.expire)
}

// doom takes a message out of the count and notes it for the next batch.
func (q *queue) expire(seq uint64) {
	q.count--
	q.expired = append(q.expired, seq)
}

// tooOld is whether a message's retention is over, by when it was first sent: in
// a standard dead-letter queue it began elsewhere.
func (q *queue) isExpired(t *txn, s stateRecord) bool { return s.Sent+q.settings.retention <= t.now }

// nextSeq gives out a sequence number.
func (q *queue) nextSeq(now int64) uint64 {
	q.lastSeq = max(q.lastSeq+1, uint64(now)<<seqShift)
	return q.lastSeq
}

const seqShift = 20

// sentAt is the time a sequence number was given out.
func sentAt(seq uint64) int64 { return int64(seq >> seqShift) }

// fly puts a message into flight until state.Hidden.
func (q *queue) addInFlight(seq uint64, state stateRecord, g *group) *inFlightMessage {
	f := &inFlightMessage{seq: seq, state: state, group: g}
	q.inFlight[seq] = f
	heap.Push(&q.deadlines, f)
	return f
}

// land takes a message out of flight.
func (q *queue) removeInFlight(f *inFlightMessage) {
	heap.Remove(&q.deadlines, f.heapIndex)
	delete(q.inFlight, f.seq)
}

// state is a message's state, and the body's record if that stands behind it.
func (q *queue) loadState(seq uint64) (s stateRecord, inlineBody []byte, ok bool, err error) {
	v, ok, err := q.e.space.Get(messageKey(kindState, q.id, seq))
	if err != nil || !ok {
		return s, nil, false, err
	}
	s, inlineBody, err = decodeState(v)
	return s, inlineBody, err == nil, err
}

// setState writes it. small is what state gave, or nothing for a body apart.
func (q *queue) saveState(t *txn, seq uint64, s stateRecord, inlineBody []byte) {
	t.Set(q.e.space, messageKey(kindState, q.id, seq), s.encode(inlineBody))
}

// body is a message's body, from where its state says it is.
func (q *queue) loadBody(seq uint64, s stateRecord, inlineBody []byte) (m bodyRecord, err error) {
	if !s.SeparateBody {
		return decodeBody(inlineBody)
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
func (q *queue) deleteState(t *txn, seq uint64) {
	t.Delete(q.e.space, messageKey(kindState, q.id, seq))
	if seq == q.lastSeq {
		q.saveLastSeq(t)
	}
}

func (q *queue) deleteBody(t *txn, seq uint64, s stateRecord) {
	if s.SeparateBody {
		t.Delete(q.e.space, messageKey(kindBody, q.id, seq))
	}
}

func (q *queue) saveLastSeq(t *txn) {
	t.Set(q.e.space, queueKey(kindLastSeq, q.id), appendUint64(nil, q.lastSeq))
}

// remove takes a message, in flight or not, out of memory and store. f.group
// is set in a FIFO queue.
func (q *queue) deleteMessage(t *txn, f *inFlightMessage) {
	if q.inFlight[f.seq] == f {
		q.removeInFlight(f)
	}
	q.backlog.remove(f)
	q.count--
	q.deleteState(t, f.seq)
	q.deleteBody(t, f.seq, f.state)
	if t.deleted == nil {
		t.deleted = map[uint64]bool{}
	}
	t.deleted[f.seq] = true
}

func (q *queue) arn() string { return queueARN(q.rec.Region, q.rec.Name) }

// flightHeap orders what is in flight by its deadline.
type deadlineHeap []*inFlightMessage

func (h deadlineHeap) Len() int { return len(h) }
func (h deadlineHeap) Less(i, j int) bool {
	a, b := h[i], h[j]
	if a.state.VisibleAt != b.state.VisibleAt {
		return a.state.VisibleAt < b.state.VisibleAt
	}
	return a.seq < b.seq
}
func (h deadlineHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].heapIndex, h[j].heapIndex = i, j
}
func (h *deadlineHeap) Push(x any) {
	f := x.(*inFlightMessage)
	f.heapIndex = len(*h)
	*h = append(*h, f)
}
func (h *deadlineHeap) Pop() any {
	old := *h
	f := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return f
}
