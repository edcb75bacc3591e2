package agent

import (
	"context"
	"time"
)

// A Clock is the agent's time: of leases, intervals, timeouts and backoff. Only
// the limits on single HTTP requests and the grace of killed processes are the
// machine's time always.
type Clock interface {
	// Now is the time. That it jumps tells of a suspended machine.
	Now() time.Time
	// AfterFunc calls f once, d from now. f doesn't block. stop reports
	// whether it prevented the call.
	AfterFunc(d time.Duration, f func()) (stop func() bool)
}

type realClock struct{}

func (realClock) Now() time.Time { return time.Now() }

func (realClock) AfterFunc(d time.Duration, f func()) func() bool {
	return time.AfterFunc(d, f).Stop
}

// wall is the time without its monotonic part, which stands still while the
// machine sleeps.
func wall(c Clock) time.Time { return c.Now().Round(0) }

// timer is a channel that is closed d from now, and what stops it.
func timer(c Clock, d time.Duration) (<-chan struct{}, func()) {
	ch := make(chan struct{})
	stop := c.AfterFunc(d, func() { close(ch) })
	return ch, func() { stop() }
}

// sleep waits for d. Its error is the cause of ctx's end.
func sleep(ctx context.Context, c Clock, d time.Duration) error {
	ch, stop := timer(c, d)
	defer stop()
	select {
	case <-ch:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
