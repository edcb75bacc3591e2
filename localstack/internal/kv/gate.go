package kv

import "sync/atomic"

// A gate counts the calls under way, so that Close can wait for them. Calls
// may be nested, which those of a sync.RWMutex may not.
type gate struct {
	calls   atomic.Int64 // and shut and over, once it is
	drained chan struct{}
}

const (
	shut = 1 << 62 // no call begins
	over = 1 << 61 // and none is under way, or will be: the store may be closed
)

// enter begins a call, unless the gate is shut; leave ends it.
func (g *gate) enter() bool {
	if g.calls.Add(1)&shut != 0 {
		g.leave()
		return false
	}
	return true
}

// join is enter for a call that others, which Close waits for, may have to wait
// for themselves: it begins for as long as the store is open.
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

// end lets Close go on, unless a call has come in since there was none.
func (g *gate) end() {
	if g.calls.CompareAndSwap(shut, shut|over) {
		close(g.drained)
	}
}

// close shuts the gate and waits for the calls under way. It reports whether
// it was open.
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
