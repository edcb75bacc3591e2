package sqs

import "container/heap"

// openLane keeps a standard queue: what was never received, in order; what
// came back, by sequence number; what isn't up yet, by time.
type openLane struct {
	fresh seqs
	again seqHeap
	later laterHeap
}

func newOpenLane() *openLane {
	return &openLane{again: seqHeap{at: map[uint64]int{}}}
}

func (l *openLane) add(seq uint64, _ string, at int64) {
	if at > 0 {
		heap.Push(&l.later, late{at, seq})
		return
	}
	l.fresh.push(seq)
}

// A message has a receipt handle, so may be hidden or deleted, only once it was
// received: it is in flight or in again.
func (l *openLane) hidden(f *flight) { l.again.remove(f.seq) }
func (l *openLane) gone(f *flight)   { l.again.remove(f.seq) }
func (l *openLane) back(f *flight)   { heap.Push(&l.again, f.seq) }

func (l *openLane) take(_ int64, f func(uint64, *group) verdict) {
	var aside []uint64
	for l.ready(0) {
		// Out first: f may put it into flight, or take it away for good.
		again := l.again.first(&l.fresh)
		seq := l.peek(again)
		v := f(seq, nil)
		if v == stop {
			break
		}
		if again {
			heap.Pop(&l.again)
		} else {
			l.fresh.pop()
		}
		if v == passed {
			aside = append(aside, seq)
		}
	}
	for _, seq := range aside {
		heap.Push(&l.again, seq)
	}
}

func (l *openLane) peek(again bool) uint64 {
	if again {
		return l.again.seqs[0]
	}
	return l.fresh.at(0)
}

func (l *openLane) settle(now int64) {
	for len(l.later) > 0 && l.later[0].at <= now {
		heap.Push(&l.again, heap.Pop(&l.later).(late).seq)
	}
}

func (l *openLane) ready(int64) bool { return l.fresh.len() > 0 || l.again.Len() > 0 }

func (l *openLane) next() int64 {
	if len(l.later) == 0 {
		return 0
	}
	return l.later[0].at
}

func (l *openLane) expire(horizon int64, f func(uint64)) {
	for l.fresh.len() > 0 && sentAt(l.fresh.at(0)) <= horizon {
		f(l.fresh.pop())
	}
	for l.again.Len() > 0 && sentAt(l.again.seqs[0]) <= horizon {
		f(heap.Pop(&l.again).(uint64))
	}
}

func (l *openLane) delayed(int64) int { return len(l.later) }

func (l *openLane) holds(seq uint64, _ string) bool {
	_, ok := l.again.at[seq]
	return ok
}

func (l *openLane) groupOf(string) *group { return nil }

// seqHeap orders sequence numbers and finds each.
type seqHeap struct {
	seqs []uint64
	at   map[uint64]int
}

// first is whether the next message comes from here rather than from fresh.
func (h *seqHeap) first(fresh *seqs) bool {
	return len(h.seqs) > 0 && (fresh.len() == 0 || h.seqs[0] < fresh.at(0))
}

func (h *seqHeap) remove(seq uint64) {
	if i, ok := h.at[seq]; ok {
		heap.Remove(h, i)
	}
}

func (h *seqHeap) Len() int           { return len(h.seqs) }
func (h *seqHeap) Less(i, j int) bool { return h.seqs[i] < h.seqs[j] }
func (h *seqHeap) Swap(i, j int) {
	s := h.seqs
	s[i], s[j] = s[j], s[i]
	h.at[s[i]], h.at[s[j]] = i, j
}
func (h *seqHeap) Push(x any) {
	seq := x.(uint64)
	h.at[seq] = len(h.seqs)
	h.seqs = append(h.seqs, seq)
}
func (h *seqHeap) Pop() any {
	last := len(h.seqs) - 1
	seq := h.seqs[last]
	h.seqs = h.seqs[:last]
	delete(h.at, seq)
	return seq
}

// late is a message that comes up at a time.
type late struct {
	at  int64
	seq uint64
}

type laterHeap []late

func (h laterHeap) Len() int { return len(h) }
func (h laterHeap) Less(i, j int) bool {
	if h[i].at != h[j].at {
		return h[i].at < h[j].at
	}
	return h[i].seq < h[j].seq
}
func (h laterHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *laterHeap) Push(x any)   { *h = append(*h, x.(late)) }
func (h *laterHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
