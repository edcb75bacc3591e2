package sqs

// fifoLane keeps a FIFO queue's groups. A group is available if it has a
// message and its oldest isn't in flight. An available group is up if that
// message's delay is over and it is among those that are looked at; those that
// are up take turns.
//
// A queue's delay applies to messages sent before it was changed, too, and to
// all alike, so groups come up in the order of their heads.
type fifoLane struct {
	q      *queue
	front  front
	groups map[string]*group
	heads  groupHeap // the available ones, lowest head first
	late   groupHeap // those of them that aren't up, lowest head first
	up     groupHeap // those that are, in the order of their turns
	turns  uint64    // given out so far
	delay  int64     // ms; the queue's, when late and up were told apart
}

type group struct {
	name string
	seqs seqs
	// turn orders the groups that are up. A group gets it when it comes up: it
	// stands behind all others then, as was observed on AWS. Where the oldest
	// is to be first, it is the head's sequence number.
	turn uint64
	// Where it is in the lane's heaps, -1 outside.
	inHeads, inLate, inUp int
}

func (g *group) head() uint64 { return g.seqs.at(0) }

func newFIFOLane(q *queue) *fifoLane {
	byHead := func(a, b *group) bool { return a.head() < b.head() }
	return &fifoLane{
		q: q, groups: map[string]*group{}, delay: q.set.delay, front: front{size: q.e.cfg.lookAt},
		heads: groupHeap{less: byHead, index: func(g *group) *int { return &g.inHeads }},
		late:  groupHeap{less: byHead, index: func(g *group) *int { return &g.inLate }},
		up:    groupHeap{less: func(a, b *group) bool { return a.turn < b.turn }, index: func(g *group) *int { return &g.inUp }},
	}
}

func (l *fifoLane) add(seq uint64, name string, _ int64) {
	g := l.groups[name]
	if g == nil {
		g = &group{name: name, inHeads: -1, inLate: -1, inUp: -1}
		l.groups[name] = g
	}
	g.seqs.push(seq)
	l.front.add(seq)
	if g.seqs.len() == 1 {
		l.fix(g)
	}
}

func (l *fifoLane) hidden(f *flight) { l.fix(f.group) }
func (l *fifoLane) back(f *flight)   { l.fix(f.group) }

func (l *fifoLane) gone(f *flight) {
	f.group.seqs.remove(f.seq)
	l.front.remove(f.seq)
	l.fix(f.group)
}

// fix puts g where it belongs after its head, or its head's state, changed.
func (l *fifoLane) fix(g *group) {
	empty := g.seqs.len() == 0
	available := !empty && l.q.flying[g.head()] == nil
	up := available && l.isUp(g)
	if up && g.inUp < 0 {
		l.turns++
		g.turn = l.turns
	}
	if up && l.q.e.cfg.OldestGroupFirst {
		g.turn = g.head()
	}
	l.heads.has(g, available)
	l.late.has(g, available && !up)
	l.up.has(g, up)
	if empty {
		delete(l.groups, g.name)
	}
}

func (l *fifoLane) take(now int64, f func(uint64, *group) verdict) {
	var aside []*group
	for l.ready(now) {
		g := l.up.first()
		last := l.drain(g, now, f)
		l.fix(g)
		l.rise()
		if last == passed {
			l.up.has(g, false)
			aside = append(aside, g)
		}
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
			l.front.remove(seq)
		case passed, stop:
			return v
		}
	}
	return taken
}

// upAt is when a message's delay is over. Without one it doesn't look at the
// clock, which may have been set back since the send.
func (l *fifoLane) upAt(seq uint64) int64 {
	if l.q.set.delay == 0 {
		return 0
	}
	return sentAt(seq) + l.q.set.delay
}

func (l *fifoLane) settle(int64) {
	if l.delay != l.q.set.delay {
		l.delay = l.q.set.delay
		for _, g := range l.groups {
			if g.inUp >= 0 { // and perhaps no longer
				l.fix(g)
			}
		}
	}
	l.rise()
}

// rise brings up the groups that can be. It is called once the heaps are in
// order.
func (l *fifoLane) rise() {
	for l.late.Len() > 0 && l.isUp(l.late.first()) {
		l.fix(l.late.first())
	}
}

func (l *fifoLane) isUp(g *group) bool {
	return l.upAt(g.head()) <= l.q.settled && l.front.holds(g.head())
}

func (l *fifoLane) ready(int64) bool {
	return l.up.Len() > 0 && len(l.q.flying) < maxInFlight
}

func (l *fifoLane) next() int64 {
	if l.late.Len() == 0 {
		return 0
	}
	return l.upAt(l.late.first().head())
}

func (l *fifoLane) expire(horizon int64, f func(uint64)) {
	for l.heads.Len() > 0 && sentAt(l.heads.first().head()) <= horizon {
		g := l.heads.first()
		seq := g.seqs.pop()
		f(seq)
		l.front.remove(seq)
		l.fix(g)
		l.rise()
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
	}
	for seq := range l.q.flying { // was received before the delay was made longer
		if seq >= firstLate {
			n--
		}
	}
	return n
}

func (l *fifoLane) holds(seq uint64, name string) bool {
	g := l.groups[name]
	if g == nil {
		return false
	}
	_, ok := g.seqs.find(seq)
	return ok
}

func (l *fifoLane) groupOf(name string) *group { return l.groups[name] }
