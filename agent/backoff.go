package agent

import (
	"context"
	"math/rand/v2"
	"time"
)

// Backoff says how long to wait before a call is tried again: Min, doubled
// with each failure in a row up to Max, of which a random half is left out so
// that agents which failed together don't come back together.
type Backoff struct {
	Min time.Duration // 0: half a second
	Max time.Duration // 0: 30 seconds
}

func (b Backoff) withDefaults() Backoff {
	if b.Min <= 0 {
		b.Min = 500 * time.Millisecond
	}
	if b.Max <= 0 {
		b.Max = 30 * time.Second
	}
	return b
}

// delay is the time to wait after failure n, from 1 on; not less than the server asked for.
func (b Backoff) delay(n int, asked time.Duration) time.Duration {
	d := b.Max
	if n < 30 {
		d = min(b.Max, b.Min<<(n-1))
	}
	d = d/2 + rand.N(d/2+1)
	return max(d, asked)
}

// pause waits after failure n of a call.
func (a *Agent) pause(ctx context.Context, n int, asked time.Duration) error {
	return sleep(ctx, a.Clock, a.Backoff.delay(n, asked))
}
