package kv

import (
	"sync"
	"sync/atomic"
)

// A gate counts the calls under way, so that Close can wait for them. Calls
// may be nested, which those of a sync.RWMutex may not.
type gate struct {
	calls   atomic.Int64 // and shut, once it is
	drained chan struct{}
	once    sync.Once
}

const shut = 1 << 62

// enter begins a call, unless the gate is shut; leave ends it.
func (g *gate) enter() bool {
	if g.calls.Add(1)&shut != 0 {
		g.leave()
		return false
	}
	return true
}

func (g *gate) leave() {
	if g.calls.Add(-1) == shut {
		g.once.Do(func() { close(g.drained) })
	}
}

// close shuts the gate and waits for the calls under way. It reports whether
// it was open.
func (g *gate) close() bool {
	before := g.calls.Or(shut)
	if before&shut != 0 {
		return false
	}
	if before > 0 {
		<-g.drained
	}
	return true
}
