package agent

import (
	"errors"
	"sync"
	"time"

	"github.com/errandhq/errand/agent/internal/supervisor"
	"github.com/errandhq/errand/agent/internal/uptime"
	"github.com/errandhq/errand/internal/clock"
)

// errLease is the cause of an attempt's end whose lease ended before its commands
// began.
var errLease = errors.New("the lease could not be renewed in time, so the commands were not started")

// leaseMargin is how long before its lease's end an attempt is killed, at most a
// quarter of the lease.
const leaseMargin = 10 * time.Second

// wallTime is the time without the monotonic part, which stands still while the
// machine is suspended.
func wallTime(c clock.Clock) time.Time { return c.Now().Round(0) }

// lease is how long an attempt may run on. It uses this machine's clock only, never
// the server's. The supervisor kills the attempt in time.
type lease struct {
	clock clock.Clock
	group bool // the job has a group, whose next job begins when the lease ends

	mu        sync.Mutex
	renewed   time.Duration // in uptime
	length    time.Duration
	retryable bool
	client    *supervisor.Client // of the running attempt
}

// renew makes the lease end length after at: when the renewing request was sent.
func (l *lease) renew(at time.Duration, length time.Duration, retryable bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.renewed, l.length, l.retryable = at, length, retryable
	if l.client != nil {
		now := l.now()
		_ = l.client.Send(supervisor.Request{Lease: &now}) // who has gone needs none
	}
}

// follow sends renewals to client from now on. It returns the lease, and false if it
// has ended already, so that nothing may start.
func (l *lease) follow(client *supervisor.Client) (supervisor.Lease, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.client = client
	now := l.now()
	return now, !now.Ends || now.Left > 0
}

// over reports whether the lease has ended.
func (l *lease) over() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now().Left <= 0
}

func (l *lease) unfollow() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.client = nil
}

// now returns whether the attempt must be killed, and in what time.
func (l *lease) now() supervisor.Lease {
	margin := min(leaseMargin, l.length/4)
	left := l.renewed + l.length - margin - uptime.Of(l.clock)
	return supervisor.Lease{Ends: l.retryable || l.group, Left: left}
}
