// Package gopool runs functions in goroutines that it keeps for the next ones.
//
// A new goroutine has a small stack. A call of the SDK, or of an engine, grows it several
// times, and each time the runtime copies it: 8 % of a busy server's CPU.
package gopool

import (
	"context"
	"runtime/pprof"
	"sync"
)

// maxIdle is how many goroutines a pool keeps while they have nothing to do.
const maxIdle = 32

// A Pool is a set of goroutines. The zero value is ready to use.
type Pool struct {
	mu     sync.Mutex
	idle   []chan func() // the last one worked last: its stack is the least likely to have shrunk
	closed bool
}

// Go calls f in a goroutine that has no profiler labels. f may end its goroutine.
func (p *Pool) Go(f func()) {
	if w := p.take(); w != nil {
		w <- f
		return
	}
	go p.work(f)
}

// Close ends the goroutines that have nothing to do, and others when they have none. Go
// may be called after it.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, w := range p.idle {
		close(w)
	}
	p.idle = nil
}

func (p *Pool) take() chan func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.idle) - 1
	if last < 0 {
		return nil
	}
	w := p.idle[last]
	p.idle = p.idle[:last]
	return w
}

func (p *Pool) work(f func()) {
	pprof.SetGoroutineLabels(context.Background()) // not those of who called Go first
	w := make(chan func(), 1)                      // take's caller doesn't wait
	for f != nil {
		f()
		f = nil // free what it refers to
		if p.rest(w) {
			f = <-w
		}
	}
}

// rest offers the goroutine of w for the next function, unless there are enough.
func (p *Pool) rest(w chan func()) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle) >= maxIdle {
		return false
	}
	p.idle = append(p.idle, w)
	return true
}
