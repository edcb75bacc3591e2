package kv

import "sync/atomic"

// A gate counts the calls in progress, so that Close can wait for them. Calls may
// be nested, unlike read locks of a sync.RWMutex.
type gate struct {
	calls   atomic.Int64 // the number of calls, plus the bits shut and over
	drained chan struct{}
}

const (
	shut = 1 << 62 // no call may begin, except by join
	over = 1 << 61 // no call is in progress, and none may begin: the store is being closed
)

// enter begins a call and returns true, unless the gate is shut. leave ends it.
func (g *gate) enter() bool {
	if g.calls.Add(1)&shut != 0 {
		g.leave()
		return false
	}
	return true
}

// join is enter for a call that a call in progress, which Close waits for, may
// make or wait for. It begins also while the gate is shut, until all have left.
func (g *gate) join() bool {
	if g.calls.Add(1)&over != 0 {
		g.leave()
		return false
	}
	return true
}

func (g *gate) leave() {
	if g.calls.Add(-1) == shut {
		g.end()
	}
}

// end lets close return, unless another call has joined meanwhile.
func (g *gate) end() {
	if g.calls.CompareAndSwap(shut, shut|over) {
		close(g.drained)
	}
}

// close shuts the gate and waits for the calls in progress. It reports whether
// the gate was open.
func (g *gate) close() bool {
	before := g.calls.Or(shut)
	if before&shut != 0 {
		return false
	}
	if before == 0 {
		g.end()
	}
	<-g.drained
	return true
}
