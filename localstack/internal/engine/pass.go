package engine

import (
	"sync"
	"time"

	"github.com/errandhq/errand/internal/clock"
)

// A Background runs what an engine does without being asked, and the stack's
// schedules. It is safe for concurrent use.
type Background struct {
	Clock clock.Clock

	name      string
	logf      func(format string, args ...any)
	passEnded func(string, error)

	closing chan struct{}
	closed  sync.Once
	work    sync.WaitGroup // passes, and what Go runs
	passes  []*pass        // appended before the owner is used
}

// NewBackground returns a Background whose lines in the log begin with name. It
// doesn't need c.Store.
func NewBackground(name string, c Config) *Background {
	b := &Background{Clock: c.Clock, name: name, logf: c.Logf, passEnded: c.PassEnded, closing: make(chan struct{})}
	if b.Clock == nil {
		b.Clock = clock.Real()
	}
	if b.logf == nil {
		b.logf = func(string, ...any) {}
	}
	if b.passEnded == nil {
		b.passEnded = func(string, error) {}
	}
	return b
}

// Logf logs a failure that no caller can be told of.
func (b *Background) Logf(format string, args ...any) { b.logf(b.name+": "+format, args...) }

// Closing is closed when Close begins. Work that waits must then return.
func (b *Background) Closing() <-chan struct{} { return b.closing }

// IsClosing reports whether Close has begun.
func (b *Background) IsClosing() bool {
	select {
	case <-b.closing:
		return true
	default:
		return false
	}
}

// Go runs work on a goroutine that Close waits for. It is called by an
// operation, or before the owner is used; work ends soon after Closing.
func (b *Background) Go(work func()) { b.work.Go(work) }

// Close ends the passes and waits for them and for what Go started. Closing again
// does nothing.
func (b *Background) Close() {
	b.closed.Do(b.stop)
	b.work.Wait()
}

func (b *Background) stop() {
	close(b.closing)
	for _, p := range b.passes {
		p.stop()
	}
}

// StartPass starts background work that comes again and again: run is called
// each time that next, the time until the next pass, is over, on a goroutine of
// its own, and never twice at a time. Its errors are logged. It must return soon
// after Closing. StartPass is called before the owner is used; wake, which it
// returns, asks for a pass now.
func (b *Background) StartPass(name string, next func(now time.Time) time.Duration, run func() error) (wake func()) {
	p := &pass{owner: b, name: name, next: next, run: run, due: make(chan struct{}, 1)}
	b.passes = append(b.passes, p)
	p.arm()
	b.work.Go(p.loop)
	return p.wake
}

// Every is the schedule of a pass that runs at fixed intervals.
func Every(d time.Duration) func(time.Time) time.Duration {
	return func(time.Time) time.Duration { return d }
}

type pass struct {
	owner *Background
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
		case <-p.owner.closing:
			return
		case <-p.due:
		}
		err := p.run()
		if err != nil {
			p.owner.Logf("%s: %v", p.name, err)
		}
		p.owner.passEnded(p.name, err)
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
	p.cancel = p.owner.Clock.AfterFunc(p.next(p.owner.Clock.Now()), func() {
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
