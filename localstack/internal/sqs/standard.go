// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues.html

package sqs

import "container/heap"

// A standardBacklog keeps the messages of a standard queue. They are received in
// the order of their sends, as far as delays and visibility timeouts allow.
type standardBacklog struct {
	neverReceived seqList
	// returned has the messages that are visible again after a receive or a
	// delay, the oldest first; returnedIndex is where each is.
	returned      indexedHeap[uint64]
	returnedIndex map[uint64]int
	delayed       indexedHeap[delayedMessage]
}

type delayedMessage struct {
	visibleAt int64
	seq       uint64
}

func newStandardBacklog() *standardBacklog {
	b := &standardBacklog{returnedIndex: map[uint64]int{}}
	b.returned = indexedHeap[uint64]{
		less: func(a, b uint64) bool { return a < b },
		setIndex: func(seq uint64, i int) {
			if i < 0 {
				delete(b.returnedIndex, seq)
			} else {
				b.returnedIndex[seq] = i
			}
		},
	}
	b.delayed = indexedHeap[delayedMessage]{
		less: func(a, b delayedMessage) bool {
			return a.visibleAt < b.visibleAt || a.visibleAt == b.visibleAt && a.seq < b.seq
		},
		setIndex: func(delayedMessage, int) {},
	}
	return b
}

func (b *standardBacklog) add(seq uint64, _ string, visibleAt int64) {
	if visibleAt > 0 {
		heap.Push(&b.delayed, delayedMessage{visibleAt, seq})
		return
	}
	b.neverReceived.push(seq)
}

// Only a message that was received has a receipt handle and can be deleted or
// get another visibility: it is in flight or in returned.
func (b *standardBacklog) messageInFlight(m *inFlightMessage) { b.remove(m) }
func (b *standardBacklog) messageVisible(m *inFlightMessage)  { heap.Push(&b.returned, m.seq) }

func (b *standardBacklog) remove(m *inFlightMessage) {
	if i, ok := b.returnedIndex[m.seq]; ok {
		heap.Remove(&b.returned, i)
	}
}

func (b *standardBacklog) take(_ int64, f func(uint64, *group) verdict) {
	var skippedSeqs []uint64
	for b.hasAvailable() {
		seq, isReturned := b.first()
		v := f(seq, nil)
		if v == stop {
			break
		}
		if isReturned {
			heap.Pop(&b.returned)
		} else {
			b.neverReceived.pop()
		}
		if v == skipped {
			skippedSeqs = append(skippedSeqs, seq)
		}
	}
	for _, seq := range skippedSeqs {
		heap.Push(&b.returned, seq)
	}
}

func (b *standardBacklog) first() (seq uint64, isReturned bool) {
	if b.returned.Len() > 0 && (b.neverReceived.len() == 0 || b.returned.first() < b.neverReceived.at(0)) {
		return b.returned.first(), true
	}
	return b.neverReceived.at(0), false
}

func (b *standardBacklog) advance(now int64) {
	for b.delayed.Len() > 0 && b.delayed.first().visibleAt <= now {
		heap.Push(&b.returned, heap.Pop(&b.delayed).(delayedMessage).seq)
	}
}

func (b *standardBacklog) hasAvailable() bool {
	return b.neverReceived.len() > 0 || b.returned.Len() > 0
}

func (b *standardBacklog) nextAvailableAt() int64 {
	if b.delayed.Len() == 0 {
		return 0
	}
	return b.delayed.first().visibleAt
}

func (b *standardBacklog) expire(horizon int64, f func(uint64)) {
	for b.neverReceived.len() > 0 && sentAt(b.neverReceived.at(0)) <= horizon {
		f(b.neverReceived.pop())
	}
	for b.returned.Len() > 0 && sentAt(b.returned.first()) <= horizon {
		f(heap.Pop(&b.returned).(uint64))
	}
}

func (b *standardBacklog) countDelayed(int64) int { return b.delayed.Len() }

func (b *standardBacklog) contains(seq uint64, _ string) bool {
	_, ok := b.returnedIndex[seq]
	return ok
}

func (b *standardBacklog) findGroup(string) *group { return nil }
