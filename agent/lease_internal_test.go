package agent

import (
	"testing"
	"time"

	"github.com/errandhq/errand/internal/clock"
)

// If the lease ended before the commands began, none of them begins.
func TestLeaseThatIsOverGuardsNothing(t *testing.T) {
	for _, c := range []struct {
		ago       time.Duration
		retryable bool
		want      bool
	}{
		{0, true, true},
		{49 * time.Second, true, true},
		{51 * time.Second, true, false}, // within the margin
		{time.Hour, true, false},
		{time.Hour, false, true}, // nobody else may have it
	} {
		l := &lease{clock: clock.Real(), kill: func() {}, check: func() {}}
		l.renew(time.Now().Add(-c.ago), time.Minute, c.retryable)
		if got := l.watch(); got != c.want {
			t.Errorf("renewed %v ago, retryable %v: may begin %v", c.ago, c.retryable, got)
		}
		l.unwatch()
	}
}
