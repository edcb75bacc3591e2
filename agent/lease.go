package agent

import (
	"errors"
	"sync"
	"time"
)

// errLease is the cause of a retryable attempt's end: its lease is about to end
// unrenewed, and then someone else may run it.
var errLease = errors.New("the lease ends unrenewed")

const (
	// leaseMargin is how long before its lease's end an attempt is killed; a
	// quarter of a lease that is shorter than four of it.
	leaseMargin = 10 * time.Second
	// leaseLate is how late the timer may be before that means that the
	// machine slept; leaseAsk how long the server is asked first then.
	leaseLate = 5 * time.Second
	leaseAsk  = 5 * time.Second
)

// lease kills what runs under it before it ends. Only between guard and release.
//
// Its timer runs with the machine; the wall clock tells whether the machine
// slept. A server's clock is never compared.
type lease struct {
	clock Clock
	kill  func()
	ask   func() // for a heartbeat at once

	mu        sync.Mutex
	renewed   time.Time // by the wall
	length    time.Duration
	retryable bool
	guarded   bool
	asked     bool
	serial    int // of the timer that counts
	stop      func() bool
}

// renew makes the lease end length after at, when the request that renewed it
// was sent.
func (l *lease) renew(at time.Time, length time.Duration, retryable bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.renewed, l.length, l.retryable, l.asked = at, length, retryable, false
	l.set()
}

// guard begins to watch the lease. False: it is over already, and nothing may
// begin under it.
func (l *lease) guard() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.guarded = true
	l.set()
	return !l.retryable || l.left() > 0
}

// release ends the watch.
func (l *lease) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.guarded = false
	l.set()
}

// set replaces the timer by one for the lease as it is.
func (l *lease) set() {
	if l.guarded && l.retryable {
		l.after(l.left())
		return
	}
	l.clear()
}

// left is how long until what runs under it must die.
func (l *lease) left() time.Duration {
	margin := min(leaseMargin, l.length/4)
	return l.renewed.Add(l.length - margin).Sub(wall(l.clock))
}

func (l *lease) clear() {
	if l.stop != nil {
		l.stop()
		l.stop = nil
	}
	l.serial++
}

func (l *lease) after(d time.Duration) {
	l.clear()
	serial, due := l.serial, wall(l.clock).Add(max(d, 0))
	l.stop = l.clock.AfterFunc(d, func() { l.fire(serial, due) })
}

// fire is called when the lease is about to end, or had ended while the
// machine slept: then the server is asked first whether it still stands.
func (l *lease) fire(serial int, due time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if serial != l.serial {
		return
	}
	if !l.asked && wall(l.clock).Sub(due) > leaseLate {
		l.asked = true
		l.after(leaseAsk)
		l.ask()
		return
	}
	l.kill()
}
