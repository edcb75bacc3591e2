package supervisor

import (
	"errors"
	"sync"
	"time"

	"github.com/errandhq/errand/internal/clock"
)

// errLease is the cause of an attempt's end whose job another worker may run, or whose
// group's next job may begin, once the lease has ended.
var errLease = errors.New("the worker could not renew its lease in time, so it ended the commands")

const (
	// A timer that is later than suspendThreshold means that the machine was
	// suspended. Then the agent has askWait to renew the lease.
	suspendThreshold = 5 * time.Second
	askWait          = 5 * time.Second
)

// deadline kills an attempt whose lease isn't renewed in time. It uses this machine's
// clock only, never the server's.
type deadline struct {
	clock clock.Clock
	kill  func()
	ask   func() bool // asks the agent for a new lease; false if none is there

	mu    sync.Mutex
	asked bool
	timer int // ID of the current timer; an older one has no effect
	off   func() bool
}

// set replaces the lease.
func (d *deadline) set(l Lease) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = false
	d.stopTimer()
	if l.Ends {
		d.startTimer(l.Left)
	}
}

func (d *deadline) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopTimer()
}

func (d *deadline) stopTimer() {
	if d.off != nil {
		d.off()
		d.off = nil
	}
	d.timer++
}

func (d *deadline) startTimer(left time.Duration) {
	timer, due := d.timer, wallTime(d.clock).Add(max(left, 0))
	d.off = d.clock.AfterFunc(left, func() { d.fire(timer, due) })
}

// wallTime is the time without the monotonic part, which stands still while the
// machine is suspended.
func wallTime(c clock.Clock) time.Time { return c.Now().Round(0) }

// fire runs when the lease is about to end. If it ended while the machine was
// suspended, fire first asks: the server may have kept it.
func (d *deadline) fire(timer int, due time.Time) {
	d.mu.Lock()
	if timer != d.timer {
		d.mu.Unlock()
		return
	}
	ask := !d.asked && wallTime(d.clock).Sub(due) > suspendThreshold
	if ask {
		d.asked = true
		d.stopTimer()
		d.startTimer(askWait)
	}
	d.mu.Unlock()
	if !ask || !d.ask() {
		d.kill()
	}
}
