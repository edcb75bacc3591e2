// Package uptime measures time that goes on while the machine is suspended, and that
// does not jump when its clock is set.
package uptime

import (
	"time"

	"github.com/errandhq/errand/internal/clock"
)

// Of returns the time since some moment of the past, by the machine's own counter if c
// is its clock, and else by c. Only differences have a meaning.
func Of(c clock.Clock) time.Duration {
	if c == clock.Real() {
		if d, ok := sinceBoot(); ok {
			return d
		}
	}
	return time.Duration(c.Now().UnixNano())
}
