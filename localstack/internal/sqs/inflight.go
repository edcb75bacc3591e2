package sqs

import "container/heap"

// maxInFlight is AWS's limit. At the limit, a receive from a standard queue
// fails with OverLimit, and one from a FIFO queue returns nothing.
const maxInFlight = 120_000

// An inFlightMessage was received, and neither deleted nor visible again.
type inFlightMessage struct {
	seq           uint64
	state         stateRecord // VisibleAt is the deadline
	group         *group      // nil in a standard queue
	deadlineIndex int
}

// newDeadlineHeap orders messages by the time when they are visible again.
func newDeadlineHeap() indexedHeap[*inFlightMessage] {
	return indexedHeap[*inFlightMessage]{
		less: func(a, b *inFlightMessage) bool {
			if a.state.VisibleAt != b.state.VisibleAt {
				return a.state.VisibleAt < b.state.VisibleAt
			}
			return a.seq < b.seq
		},
		setIndex: func(m *inFlightMessage, i int) { m.deadlineIndex = i },
	}
}

// addInFlight puts a message in flight until s.VisibleAt.
func (q *queue) addInFlight(seq uint64, s stateRecord, g *group) *inFlightMessage {
	m := &inFlightMessage{seq: seq, state: s, group: g}
	q.inFlight[seq] = m
	heap.Push(&q.deadlines, m)
	return m
}

func (q *queue) removeInFlight(m *inFlightMessage) {
	heap.Remove(&q.deadlines, m.deadlineIndex)
	delete(q.inFlight, m.seq)
}
