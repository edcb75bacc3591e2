package agent

import (
	"errors"
	"sync"
	"time"

	"github.com/errandhq/errand/internal/clock"
)

// errLease is the cause of a retryable attempt's end: another worker may run the
// job once its lease has ended.
var errLease = errors.New("the lease could not be renewed in time")

const (
	// leaseMargin is how long before its lease's end an attempt is killed, at most
	// a quarter of the lease.
	leaseMargin = 10 * time.Second
	// A timer that is later than suspendThreshold means that the machine was
	// suspended. Then the server has leaseCheckWait to renew the lease.
	suspendThreshold = 5 * time.Second
	leaseCheckWait   = 5 * time.Second
)

// wallTime is the time without the monotonic part, which stands still while the
// machine is suspended.
func wallTime(c clock.Clock) time.Time { return c.Now().Round(0) }

// lease kills a retryable attempt before its lease ends, between watch and
// unwatch. The timer uses this machine's clock only, never the server's.
type lease struct {
	clock clock.Clock
	kill  func()
	check func() // sends a heartbeat at once

	mu        sync.Mutex
	renewed   time.Time // wall time
	length    time.Duration
	retryable bool
	watched   bool
	checked   bool
	timerID   int // of the current timer; an older one has no effect
	stop      func() bool
}

// renew makes the lease end length after at: when the renewing request was sent.
func (l *lease) renew(at time.Time, length time.Duration, retryable bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.renewed, l.length, l.retryable, l.checked = at, length, retryable, false
	l.resetTimer()
}

// watch starts to watch the lease. It returns false if the lease has ended
// already, so that nothing may start.
func (l *lease) watch() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watched = true
	l.resetTimer()
	return !l.retryable || l.remaining() > 0
}

func (l *lease) unwatch() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watched = false
	l.resetTimer()
}

func (l *lease) resetTimer() {
	if l.watched && l.retryable {
		l.startTimer(l.remaining())
		return
	}
	l.stopTimer()
}

// remaining is the time until the attempt must be killed.
func (l *lease) remaining() time.Duration {
	margin := min(leaseMargin, l.length/4)
	return l.renewed.Add(l.length - margin).Sub(wallTime(l.clock))
}

func (l *lease) stopTimer() {
	if l.stop != nil {
		l.stop()
		l.stop = nil
	}
	l.timerID++
}

func (l *lease) startTimer(d time.Duration) {
	l.stopTimer()
	timerID, due := l.timerID, wallTime(l.clock).Add(max(d, 0))
	l.stop = l.clock.AfterFunc(d, func() { l.fire(timerID, due) })
}

// fire runs when the lease is about to end. If it ended while the machine was
// suspended, fire first asks the server, which may have kept it.
func (l *lease) fire(timerID int, due time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if timerID != l.timerID {
		return
	}
	if !l.checked && wallTime(l.clock).Sub(due) > suspendThreshold {
		l.checked = true
		l.startTimer(leaseCheckWait)
		l.check()
		return
	}
	l.kill()
}
