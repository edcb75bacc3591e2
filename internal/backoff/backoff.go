// Package backoff says how long to wait before a failed call is tried again.
package backoff

import (
	"math/rand/v2"
	"time"
)

// A Policy is exponential backoff with jitter: the delay begins at Min and
// doubles with each failure in a row, up to Max. A random part of up to half is
// left out, so that clients that failed together do not return together.
type Policy struct {
	Min, Max time.Duration // both positive
}

// Delay is how long to wait after the nth failure in a row, counted from 1. It
// is never shorter than atLeast: a server's Retry-After, or 0.
func (p Policy) Delay(n int, atLeast time.Duration) time.Duration {
	d := p.Max
	if shift := max(n-1, 0); shift < 62 && p.Min <= p.Max>>shift {
		d = p.Min << shift
	}
	return max(d/2+rand.N(d/2+1), atLeast)
}
