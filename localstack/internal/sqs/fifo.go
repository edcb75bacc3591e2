// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html

package sqs

import "container/heap"

// A fifoBacklog keeps the message groups of a FIFO queue. A group is blocked
// while its first message is in flight. A group that isn't blocked is available
// if the delay of its first message is over and that message is within the
// look-ahead. Available groups take turns.
//
// A queue's delay applies to all messages alike, also to those sent before it
// was changed. So groups become available in the order of their first messages.
type fifoBacklog struct {
	q           *queue
	lookAhead   lookAhead
	groups      map[string]*group
	unblocked   indexedHeap[*group] // the oldest first message first
	unavailable indexedHeap[*group] // those of unblocked that aren't available
	available   indexedHeap[*group] // by turn
	lastTurn    uint64
	delay       int64 // of the queue when groups were last updated, ms
}

type group struct {
	name string
	seqs seqList
	// turn orders the available groups. A group that becomes available goes
	// behind all others, as was observed on AWS. With OldestGroupFirst, turn is
	// the sequence number of the first message.
	turn uint64
	// indexes in the heaps of the backlog; -1: not in it
	unblockedIndex, unavailableIndex, availableIndex int
}

func (g *group) first() uint64 { return g.seqs.at(0) }

func newFIFOBacklog(q *queue) *fifoBacklog {
	byFirst := func(a, b *group) bool { return a.first() < b.first() }
	byTurn := func(a, b *group) bool { return a.turn < b.turn }
	return &fifoBacklog{
		q: q, groups: map[string]*group{}, delay: q.settings.delay, lookAhead: lookAhead{size: q.e.cfg.lookAhead},
		unblocked:   indexedHeap[*group]{less: byFirst, setIndex: func(g *group, i int) { g.unblockedIndex = i }},
		unavailable: indexedHeap[*group]{less: byFirst, setIndex: func(g *group, i int) { g.unavailableIndex = i }},
		available:   indexedHeap[*group]{less: byTurn, setIndex: func(g *group, i int) { g.availableIndex = i }},
	}
}

func (b *fifoBacklog) add(seq uint64, name string, _ int64) {
	g := b.groups[name]
	if g == nil {
		g = &group{name: name, unblockedIndex: -1, unavailableIndex: -1, availableIndex: -1}
		b.groups[name] = g
	}
	g.seqs.push(seq)
	b.lookAhead.add(seq)
	if g.seqs.len() == 1 {
		b.update(g)
	}
}

func (b *fifoBacklog) messageInFlight(m *inFlightMessage) { b.update(m.group) }
func (b *fifoBacklog) messageVisible(m *inFlightMessage)  { b.update(m.group) }

func (b *fifoBacklog) remove(m *inFlightMessage) {
	m.group.seqs.remove(m.seq)
	b.lookAhead.remove(m.seq)
	b.update(m.group)
}

// update puts g into the right heaps after its first message, or the state of
// that, changed.
func (b *fifoBacklog) update(g *group) {
	empty := g.seqs.len() == 0
	unblocked := !empty && b.q.inFlight[g.first()] == nil
	available := unblocked && b.isAvailable(g)
	if available && g.availableIndex < 0 {
		b.lastTurn++
		g.turn = b.lastTurn
	}
	if available && b.q.e.cfg.OldestGroupFirst {
		g.turn = g.first()
	}
	place(&b.unblocked, g, g.unblockedIndex, unblocked)
	place(&b.unavailable, g, g.unavailableIndex, unblocked && !available)
	place(&b.available, g, g.availableIndex, available)
	if empty {
		delete(b.groups, g.name)
	}
}

// place adds g to the heap, moves it to its new place, or removes it.
func place(h *indexedHeap[*group], g *group, index int, in bool) {
	switch {
	case in && index < 0:
		heap.Push(h, g)
	case in:
		heap.Fix(h, index)
	case index >= 0:
		heap.Remove(h, index)
	}
}

func (b *fifoBacklog) take(now int64, f func(uint64, *group) verdict) {
	var skippedGroups []*group
	for b.hasAvailable() {
		g := b.available.first()
		last := b.takeFrom(g, now, f)
		b.update(g)
		b.updateUnavailable()
		if last == skipped && g.availableIndex >= 0 {
			heap.Remove(&b.available, g.availableIndex)
			skippedGroups = append(skippedGroups, g)
		}
		if last == stop {
			break
		}
	}
	for _, g := range skippedGroups {
		b.update(g)
	}
}

// takeFrom offers the messages of g up to the first that is in flight or
// delayed. It returns stop or skipped if f did.
func (b *fifoBacklog) takeFrom(g *group, now int64, f func(uint64, *group) verdict) verdict {
	for i := 0; i < g.seqs.len(); {
		seq := g.seqs.at(i)
		if b.q.inFlight[seq] != nil || b.delayEnd(seq) > now {
			break
		}
		switch v := f(seq, g); v {
		case taken:
			i++
		case dropped:
			g.seqs.remove(seq)
			b.lookAhead.remove(seq)
		case skipped, stop:
			return v
		}
	}
	return taken
}

// delayEnd doesn't depend on the time of the send if there is no delay: the
// clock may have been set back since.
func (b *fifoBacklog) delayEnd(seq uint64) int64 {
	if b.q.settings.delay == 0 {
		return 0
	}
	return sentAt(seq) + b.q.settings.delay
}

func (b *fifoBacklog) advance(int64) {
	if b.delay != b.q.settings.delay {
		b.delay = b.q.settings.delay
		for _, g := range b.groups {
			if g.availableIndex >= 0 {
				b.update(g)
			}
		}
	}
	b.updateUnavailable()
}

// updateUnavailable must be called when the heaps are in order.
func (b *fifoBacklog) updateUnavailable() {
	for b.unavailable.Len() > 0 && b.isAvailable(b.unavailable.first()) {
		b.update(b.unavailable.first())
	}
}

func (b *fifoBacklog) isAvailable(g *group) bool {
	return b.delayEnd(g.first()) <= b.q.advancedTo && b.lookAhead.contains(g.first())
}

func (b *fifoBacklog) hasAvailable() bool {
	return b.available.Len() > 0 && len(b.q.inFlight) < maxInFlight
}

func (b *fifoBacklog) nextAvailableAt() int64 {
	if b.unavailable.Len() == 0 {
		return 0
	}
	return b.delayEnd(b.unavailable.first().first())
}

func (b *fifoBacklog) expire(horizon int64, f func(uint64)) {
	for b.unblocked.Len() > 0 && sentAt(b.unblocked.first().first()) <= horizon {
		g := b.unblocked.first()
		seq := g.seqs.pop()
		f(seq)
		b.lookAhead.remove(seq)
		b.update(g)
		b.updateUnavailable()
	}
}

// countDelayed takes time in the number of groups, but only if the queue has a
// delay.
func (b *fifoBacklog) countDelayed(now int64) int {
	if b.q.settings.delay == 0 {
		return 0
	}
	n := 0
	firstDelayed := uint64(max(now-b.q.settings.delay+1, 0)) << seqShift
	for _, g := range b.groups {
		i, _ := g.seqs.find(firstDelayed)
		n += g.seqs.len() - i
	}
	for seq := range b.q.inFlight { // received before the delay was made longer
		if seq >= firstDelayed {
			n--
		}
	}
	return n
}

func (b *fifoBacklog) contains(seq uint64, name string) bool {
	g := b.groups[name]
	if g == nil {
		return false
	}
	_, ok := g.seqs.find(seq)
	return ok
}

func (b *fifoBacklog) findGroup(name string) *group { return b.groups[name] }
