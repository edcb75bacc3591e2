// Package gate lets an owner close something that others are using: it counts
// the calls under way, refuses new ones once it is closed, and waits for the rest.
package gate

import "sync/atomic"

// A Gate counts calls. Calls may be nested, which read locks of a sync.RWMutex
// may not.
type Gate struct {
	calls   atomic.Int64 // and closed and drained, once it is
	drained chan struct{}
}

const (
	closed  = 1 << 62 // no call begins
	drained = 1 << 61 // none is under way, or will be
)

// New returns an open gate.
func New() *Gate { return &Gate{drained: make(chan struct{})} }

// Enter begins a call, unless the gate is closed; Leave ends it.
func (g *Gate) Enter() bool {
	if g.calls.Add(1)&closed != 0 {
		g.Leave()
		return false
	}
	return true
}

// EnterClosing is Enter for a call that calls under way may depend on: it begins
// for as long as Close still waits for one.
func (g *Gate) EnterClosing() bool {
	if g.calls.Add(1)&drained != 0 {
		g.Leave()
		return false
	}
	return true
}

// Leave ends a call that Enter or EnterClosing began.
func (g *Gate) Leave() {
	if g.calls.Add(-1) == closed {
		g.drain()
	}
}

// drain lets Close return, unless a call has begun since the last one ended.
func (g *Gate) drain() {
	if g.calls.CompareAndSwap(closed, closed|drained) {
		close(g.drained)
	}
}

// Close closes the gate and waits for the calls under way. It reports whether
// the gate was open.
func (g *Gate) Close() bool {
	before := g.calls.Or(closed)
	if before&closed != 0 {
		return false
	}
	if before == 0 {
		g.drain()
	}
	<-g.drained
	return true
}
