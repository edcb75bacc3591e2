package sqs

import "container/heap"

// fifoLane keeps a FIFO queue's groups. A group is available if it has a
// message and its oldest isn't in flight; the available ones are in a heap,
// lowest head first.
//
// A queue's delay applies to messages sent before it was changed, too, and to
// all alike, so the heap's order is also the order in which heads come up.
type fifoLane struct {
	q      *queue
	groups map[string]*group
	heads  groupHeap
}

type group struct {
	name  string
	seqs  seqs
	index int // in the heap, -1 outside
}

func (g *group) head() uint64 { return g.seqs.at(0) }

func newFIFOLane(q *queue) *fifoLane {
	return &fifoLane{q: q, groups: map[string]*group{}}
}

func (l *fifoLane) add(seq uint64, name string, _ int64) {
	g := l.groups[name]
	if g == nil {
		g = &group{name: name, index: -1}
		l.groups[name] = g
	}
	g.seqs.push(seq)
	if g.seqs.len() == 1 {
		l.fix(g)
	}
}

func (l *fifoLane) hidden(f *flight) { l.fix(f.group) }
func (l *fifoLane) back(f *flight)   { l.fix(f.group) }

func (l *fifoLane) gone(f *flight) {
	f.group.seqs.remove(f.seq)
	l.fix(f.group)
}

// fix puts g where it belongs after its head, or its head's state, changed.
func (l *fifoLane) fix(g *group) {
	empty := g.seqs.len() == 0
	available := !empty && l.q.flying[g.head()] == nil
	switch {
	case available && g.index < 0:
		heap.Push(&l.heads, g)
	case available:
		heap.Fix(&l.heads, g.index)
	case g.index >= 0:
		heap.Remove(&l.heads, g.index)
	}
	if empty {
		delete(l.groups, g.name)
	}
}

func (l *fifoLane) take(now int64, f func(uint64, *group) verdict) {
	var aside []*group
	for l.ready(now) {
		g := l.heads[0]
		last := l.drain(g, now, f)
		if last == passed {
			heap.Remove(&l.heads, g.index)
			aside = append(aside, g)
			continue
		}
		l.fix(g)
		if last == stop {
			break
		}
	}
	for _, g := range aside {
		l.fix(g)
	}
}

// drain offers g's messages up to the first in flight, and says with what it
// ended.
func (l *fifoLane) drain(g *group, now int64, f func(uint64, *group) verdict) verdict {
	for i := 0; i < g.seqs.len(); {
		seq := g.seqs.at(i)
		if l.q.flying[seq] != nil || l.upAt(seq) > now {
			break
		}
		switch v := f(seq, g); v {
		case taken:
			i++
		case dropped:
			g.seqs.remove(seq)
		case passed, stop:
			return v
		}
	}
	return taken
}

func (l *fifoLane) upAt(seq uint64) int64 { return sentAt(seq) + l.q.set.delay }

func (l *fifoLane) settle(int64) {}

func (l *fifoLane) ready(now int64) bool {
	return len(l.heads) > 0 && len(l.q.flying) < maxInFlight && l.upAt(l.heads[0].head()) <= now
}

func (l *fifoLane) next() int64 {
	if len(l.heads) == 0 {
		return 0
	}
	return l.upAt(l.heads[0].head())
}

func (l *fifoLane) expire(horizon int64, f func(uint64)) {
	for len(l.heads) > 0 && sentAt(l.heads[0].head()) <= horizon {
		g := l.heads[0]
		f(g.seqs.pop())
		l.fix(g)
	}
}

// delayed walks over the groups, but only where the queue has a delay.
func (l *fifoLane) delayed(now int64) int {
	if l.q.set.delay == 0 {
		return 0
	}
	n := 0
	firstLate := uint64(max(now-l.q.set.delay+1, 0)) << seqShift
	for _, g := range l.groups {
		i, _ := g.seqs.find(firstLate)
		n += g.seqs.len() - i
		// What was received has been up, whatever the delay is now.
		for ; i < g.seqs.len() && l.q.flying[g.seqs.at(i)] != nil; i++ {
			n--
		}
	}
	return n
}

func (l *fifoLane) groupOf(name string) *group { return l.groups[name] }

// groupHeap orders available groups by their oldest message.
type groupHeap []*group

func (h groupHeap) Len() int           { return len(h) }
func (h groupHeap) Less(i, j int) bool { return h[i].head() < h[j].head() }
func (h groupHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *groupHeap) Push(x any) {
	g := x.(*group)
	g.index = len(*h)
	*h = append(*h, g)
}
func (h *groupHeap) Pop() any {
	old := *h
	g := old[len(old)-1]
	old[len(old)-1] = nil
	g.index = -1
	*h = old[:len(old)-1]
	return g
}
