package sqs

// fifoLane keeps a FIFO queue's groups. A group is available if it has a
// message and its oldest isn't in flight. An available group is up if that
// message's delay is over and it is among those that are looked at; those that
// are up take turns.
//
// A queue's delay applies to messages sent before it was changed, too, and to
// all alike, so groups come up in the order of their heads.
type fifoBacklog struct {
	q           *queue
	lookAhead   lookAhead
	groups      map[string]*group
	unblocked   groupHeap // the available ones, lowest head first
	unavailable groupHeap // those of them that aren't up, lowest head first
	available   groupHeap // those that are, in the order of their turns
	turns       uint64    // given out so far
	delay       int64     // ms; the queue's, when late and up were told apart
}

type group struct {
	name string
	seqs seqList
	// turn orders the groups that are up. A group gets it when it comes up: it
	// stands behind all others then, as was observed on AWS. Where the oldest
	// is to be first, it is the head's sequence number.
	turn uint64
	// Where it is in the lane's heaps, -1 outside.
	unblockedIndex, unavailableIndex, availableIndex int
}

func (g *group) head() uint64 { return g.seqs.at(0) }

func newFIFOBacklog(q *queue) *fifoBacklog {
	byHead := func(a, b *group) bool { return a.head() < b.head() }
	return &fifoBacklog{
		q: q, groups: map[string]*group{}, delay: q.settings.delay, lookAhead: lookAhead{size: q.e.cfg.lookAhead},
		unblocked:   groupHeap{less: byHead, index: func(g *group) *int { return &g.unblockedIndex }},
		unavailable: groupHeap{less: byHead, index: func(g *group) *int { return &g.unavailableIndex }},
		available:   groupHeap{less: func(a, b *group) bool { return a.turn < b.turn }, index: func(g *group) *int { return &g.availableIndex }},
	}
}

func (l *fifoBacklog) add(seq uint64, name string, _ int64) {
	g := l.groups[name]
	if g == nil {
		g = &group{name: name, unblockedIndex: -1, unavailableIndex: -1, availableIndex: -1}
		l.groups[name] = g
	}
	g.seqs.push(seq)
	l.lookAhead.add(seq)
	if g.seqs.len() == 1 {
		l.update(g)
	}
}

func (l *fifoBacklog) messageInFlight(f *inFlightMessage) { l.update(f.group) }
func (l *fifoBacklog) messageVisible(f *inFlightMessage)  { l.update(f.group) }

func (l *fifoBacklog) remove(f *inFlightMessage) {
	f.group.seqs.remove(f.seq)
	l.lookAhead.remove(f.seq)
	l.update(f.group)
}

// fix puts g where it belongs after its head, or its head's state, changed.
func (l *fifoBacklog) update(g *group) {
	empty := g.seqs.len() == 0
	available := !empty && l.q.inFlight[g.head()] == nil
	up := available && l.isAvailable(g)
	if up && g.availableIndex < 0 {
		l.turns++
		g.turn = l.turns
	}
	if up && l.q.e.cfg.OldestGroupFirst {
		g.turn = g.head()
	}
	l.unblocked.put(g, available)
	l.unavailable.put(g, available && !up)
	l.available.put(g, up)
	if empty {
		delete(l.groups, g.name)
	}
}

func (l *fifoBacklog) take(now int64, f func(uint64, *group) verdict) {
	var aside []*group
	for l.hasAvailable(now) {
		g := l.available.first()
		last := l.drain(g, now, f)
		l.update(g)
		l.addAvailable()
		if last == skipped {
			l.available.put(g, false)
			aside = append(aside, g)
		}
		if last == stop {
			break
		}
	}
	for _, g := range aside {
		l.update(g)
	}
}

// drain offers g's messages up to the first in flight, and says with what it
// ended.
func (l *fifoBacklog) drain(g *group, now int64, f func(uint64, *group) verdict) verdict {
	for i := 0; i < g.seqs.len(); {
		seq := g.seqs.at(i)
		if l.q.inFlight[seq] != nil || l.delayEnd(seq) > now {
			break
		}
		switch v := f(seq, g); v {
		case taken:
			i++
		case dropped:
			g.seqs.remove(seq)
			l.lookAhead.remove(seq)
		case skipped, stop:
			return v
		}
	}
	return taken
}

// upAt is when a message's delay is over. Without one it doesn't look at the
// clock, which may have been set back since the send.
func (l *fifoBacklog) delayEnd(seq uint64) int64 {
	if l.q.settings.delay == 0 {
		return 0
	}
	return sentAt(seq) + l.q.settings.delay
}

func (l *fifoBacklog) advance(int64) {
	if l.delay != l.q.settings.delay {
		l.delay = l.q.settings.delay
		for _, g := range l.groups {
			if g.availableIndex >= 0 { // and perhaps no longer
				l.update(g)
			}
		}
	}
	l.addAvailable()
}

// rise brings up the groups that can be. It is called once the heaps are in
// order.
func (l *fifoBacklog) addAvailable() {
	for l.unavailable.Len() > 0 && l.isAvailable(l.unavailable.first()) {
		l.update(l.unavailable.first())
	}
}

func (l *fifoBacklog) isAvailable(g *group) bool {
	return l.delayEnd(g.head()) <= l.q.advancedTo && l.lookAhead.contains(g.head())
}

func (l *fifoBacklog) hasAvailable(int64) bool {
	return l.available.Len() > 0 && len(l.q.inFlight) < maxInFlight
}

func (l *fifoBacklog) nextAvailableAt() int64 {
	if l.unavailable.Len() == 0 {
		return 0
	}
	return l.delayEnd(l.unavailable.first().head())
}

func (l *fifoBacklog) expire(horizon int64, f func(uint64)) {
	for l.unblocked.Len() > 0 && sentAt(l.unblocked.first().head()) <= horizon {
		g := l.unblocked.first()
		seq := g.seqs.pop()
		f(seq)
		l.lookAhead.remove(seq)
		l.update(g)
		l.addAvailable()
	}
}

// delayed walks over the groups, but only where the queue has a delay.
func (l *fifoBacklog) countDelayed(now int64) int {
	if l.q.settings.delay == 0 {
		return 0
	}
	n := 0
	firstLate := uint64(max(now-l.q.settings.delay+1, 0)) << seqShift
	for _, g := range l.groups {
		i, _ := g.seqs.find(firstLate)
		n += g.seqs.len() - i
	}
	for seq := range l.q.inFlight { // was received before the delay was made longer
		if seq >= firstLate {
			n--
		}
	}
	return n
}

func (l *fifoBacklog) contains(seq uint64, name string) bool {
	g := l.groups[name]
	if g == nil {
		return false
	}
	_, ok := g.seqs.find(seq)
	return ok
}

func (l *fifoBacklog) findGroup(name string) *group { return l.groups[name] }
