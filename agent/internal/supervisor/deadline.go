package supervisor

import (
	"errors"
	"sync"
	"time"

	"github.com/errandhq/errand/agent/internal/uptime"
	"github.com/errandhq/errand/internal/clock"
)

// errLease is the cause of an attempt's end whose job another worker may run, or whose
// group's next job may begin, once the lease has ended.
var errLease = errors.New("the worker could not renew its lease in time, so it ended the commands")

const (
	// checkInterval is how often the deadline is looked at: timers stand still while the
	// machine is suspended.
	checkInterval = 2 * time.Second
	// A check that is later than suspendThreshold means that the machine was suspended.
	// If the lease ended meanwhile, the agent has askWait to renew it.
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
	at    time.Duration // in uptime
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
		d.at = uptime.Of(d.clock) + max(l.Left, 0)
		d.startTimer()
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

// startTimer starts the timer of the next check.
func (d *deadline) startTimer() {
	now := uptime.Of(d.clock)
	wait := min(max(d.at-now, 0), checkInterval)
	timer := d.timer
	d.off = d.clock.AfterFunc(wait, func() { d.check(timer, now+wait) })
}

// check runs when due has come, or later after a suspend. It kills when the lease is
// about to end. If it ended while the machine was suspended, check first asks: the
// server may have kept it.
func (d *deadline) check(timer int, due time.Duration) {
	d.mu.Lock()
	over, ask := d.judge(timer, due)
	d.mu.Unlock()
	if over && !(ask && d.ask()) {
		d.kill()
	}
}

// judge reports whether the deadline has passed, and whether to ask for a new lease
// first. Unless it kills at once, the next check will come.
func (d *deadline) judge(timer int, due time.Duration) (over, ask bool) {
	if timer != d.timer {
		return false, false
	}
	now := uptime.Of(d.clock)
	over = now >= d.at
	ask = over && !d.asked && now-due > suspendThreshold
	if ask {
		d.asked, d.at = true, now+askWait
	}
	if !over || ask {
		d.stopTimer()
		d.startTimer()
	}
	return over, ask
}
