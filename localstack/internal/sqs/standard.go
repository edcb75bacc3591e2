package sqs

import "container/heap"

// openLane keeps a standard queue: what was never received, in order; what
// came back, by sequence number; what isn't up yet, by time.
type standardBacklog struct {
	neverReceived seqList
	returned      sortedSeqs
	delayed       delayHeap
}

func newStandardBacklog() *standardBacklog {
	return &standardBacklog{returned: sortedSeqs{at: map[uint64]int{}}}
}

func (l *standardBacklog) add(seq uint64, _ string, at int64) {
	if at > 0 {
		heap.Push(&l.delayed, delayedMessage{at, seq})
		return
	}
	l.neverReceived.push(seq)
}

// A message has a receipt handle, so may be hidden or deleted, only once it was
// received: it is in flight or in again.
func (l *standardBacklog) messageInFlight(f *inFlightMessage) { l.returned.remove(f.seq) }
func (l *standardBacklog) remove(f *inFlightMessage)          { l.returned.remove(f.seq) }
func (l *standardBacklog) messageVisible(f *inFlightMessage)  { heap.Push(&l.returned, f.seq) }

func (l *standardBacklog) take(_ int64, f func(uint64, *group) verdict) {
	var aside []uint64
	for l.hasAvailable(0) {
		// Out first: f may put it into flight, or take it away for good.
		again := l.returned.comesBefore(&l.neverReceived)
		seq := l.firstOf(again)
		v := f(seq, nil)
		if v == stop {
			break
		}
		if again {
			heap.Pop(&l.returned)
		} else {
			l.neverReceived.pop()
		}
		if v == skipped {
			aside = append(aside, seq)
		}
	}
	for _, seq := range aside {
		heap.Push(&l.returned, seq)
	}
}

func (l *standardBacklog) firstOf(again bool) uint64 {
	if again {
		return l.returned.seqs[0]
	}
	return l.neverReceived.at(0)
}

func (l *standardBacklog) advance(now int64) {
	for len(l.delayed) > 0 && l.delayed[0].visibleAt <= now {
		heap.Push(&l.returned, heap.Pop(&l.delayed).(delayedMessage).seq)
	}
}

func (l *standardBacklog) hasAvailable(int64) bool {
	return l.neverReceived.len() > 0 || l.returned.Len() > 0
}

func (l *standardBacklog) nextAvailableAt() int64 {
	if len(l.delayed) == 0 {
		return 0
	}
	return l.delayed[0].visibleAt
}

func (l *standardBacklog) expire(horizon int64, f func(uint64)) {
	for l.neverReceived.len() > 0 && sentAt(l.neverReceived.at(0)) <= horizon {
		f(l.neverReceived.pop())
	}
	for l.returned.Len() > 0 && sentAt(l.returned.seqs[0]) <= horizon {
		f(heap.Pop(&l.returned).(uint64))
	}
}

func (l *standardBacklog) countDelayed(int64) int { return len(l.delayed) }

func (l *standardBacklog) contains(seq uint64, _ string) bool {
	_, ok := l.returned.at[seq]
	return ok
}

func (l *standardBacklog) findGroup(string) *group { return nil }

// seqHeap orders sequence numbers and finds each.
type sortedSeqs struct {
	seqs []uint64
	at   map[uint64]int
}

// first is whether the next message comes from here rather than from fresh.
func (h *sortedSeqs) comesBefore(fresh *seqList) bool {
	return len(h.seqs) > 0 && (fresh.len() == 0 || h.seqs[0] < fresh.at(0))
}

func (h *sortedSeqs) remove(seq uint64) {
	if i, ok := h.at[seq]; ok {
		heap.Remove(h, i)
	}
}

func (h *sortedSeqs) Len() int           { return len(h.seqs) }
func (h *sortedSeqs) Less(i, j int) bool { return h.seqs[i] < h.seqs[j] }
func (h *sortedSeqs) Swap(i, j int) {
	s := h.seqs
	s[i], s[j] = s[j], s[i]
	h.at[s[i]], h.at[s[j]] = i, j
}
func (h *sortedSeqs) Push(x any) {
	seq := x.(uint64)
	h.at[seq] = len(h.seqs)
	h.seqs = append(h.seqs, seq)
}
func (h *sortedSeqs) Pop() any {
	last := len(h.seqs) - 1
	seq := h.seqs[last]
	h.seqs = h.seqs[:last]
	delete(h.at, seq)
	return seq
}

// late is a message that comes up at a time.
type delayedMessage struct {
	visibleAt int64
	seq       uint64
}

type delayHeap []delayedMessage

func (h delayHeap) Len() int { return len(h) }
func (h delayHeap) Less(i, j int) bool {
	if h[i].visibleAt != h[j].visibleAt {
		return h[i].visibleAt < h[j].visibleAt
	}
	return h[i].seq < h[j].seq
}
func (h delayHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *delayHeap) Push(x any)   { *h = append(*h, x.(delayedMessage)) }
func (h *delayHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
