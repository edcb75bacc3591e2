package engine

import (
	"sync"
	"time"
)

// StartPass starts background work that comes again and again: run is called
// each time that next, the time until the next pass, is over, on a goroutine of
// its own, and never twice at a time. Its errors are logged. It must return soon
// after Closing. StartPass is called before the engine is used; wake, which it
// returns, asks for a pass now.
func (f *Frame) StartPass(name string, next func(now time.Time) time.Duration, run func() error) (wake func()) {
	p := &pass{frame: f, name: name, next: next, run: run, due: make(chan struct{}, 1)}
	f.passes = append(f.passes, p)
	p.arm()
	f.work.Go(p.loop)
	return p.wake
}

// Every is the schedule of a pass that runs at fixed intervals.
func Every(d time.Duration) func(time.Time) time.Duration {
	return func(time.Time) time.Duration { return d }
}

type pass struct {
	frame *Frame
	name  string
	next  func(time.Time) time.Duration
	run   func() error
	due   chan struct{}

	mu      sync.Mutex
	stopped bool
	cancel  func() bool
}

func (p *pass) loop() {
	for {
		select {
		case <-p.frame.closing:
			return
		case <-p.due:
		}
		err := p.run()
		if err != nil {
			p.frame.Logf("%s: %v", p.name, err)
		}
		p.frame.passEnded(p.name, err)
	}
}

func (p *pass) wake() {
	select {
	case p.due <- struct{}{}:
	default: // one is due already
	}
}

// arm sets the timer. The timer sets itself again when it fires, not when the
// pass has ended, so that a test's clock that leaps over many intervals keeps
// to the schedule.
func (p *pass) arm() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return
	}
	p.cancel = p.frame.Clock.AfterFunc(p.next(p.frame.Clock.Now()), func() {
		p.wake()
		p.arm()
	})
}

func (p *pass) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	p.cancel()
}
