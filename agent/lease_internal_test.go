package agent

import (
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/uptime"
	"github.com/errandhq/errand/internal/clock"
)

// If the lease ended before the commands began, none of them begins.
func TestLeaseThatIsOverGuardsNothing(t *testing.T) {
	for _, c := range []struct {
		ago       time.Duration
		retryable bool
		group     bool
		want      bool
	}{
		{0, true, false, true},
		{49 * time.Second, true, false, true},
		{51 * time.Second, true, false, false}, // within the margin
		{time.Hour, true, false, false},
		{time.Hour, false, true, false}, // the next of the group may have begun
		{time.Hour, false, false, true}, // nobody else may have it
	} {
		l := &lease{clock: clock.Real(), group: c.group}
		l.renew(uptime.Of(clock.Real())-c.ago, time.Minute, c.retryable)
		if _, got := l.follow(nil); got != c.want {
			t.Errorf("renewed %v ago, retryable %v, group %v: may begin %v", c.ago, c.retryable, c.group, got)
		}
	}
}

// TestHeartbeatTimeout: several tries fit into the shortest lease.
func TestHeartbeatTimeout(t *testing.T) {
	t.Parallel()
	a := &Agent{Config: Config{RequestTimeout: 10 * time.Second}}
	with := func(short int, full time.Duration) *attempt {
		return &attempt{Assignment: &errand.Assignment{LeaseSeconds: short}, lease: &lease{length: full}}
	}
	for _, tt := range []struct {
		held []*attempt
		want time.Duration
	}{
		{nil, 10 * time.Second},
		{[]*attempt{with(30, 0)}, 7500 * time.Millisecond},
		{[]*attempt{with(30, 5*time.Minute)}, 10 * time.Second},
		{[]*attempt{with(30, 5*time.Minute), with(30, 8*time.Second)}, 2 * time.Second},
		{[]*attempt{with(1, 0)}, time.Second},
	} {
		if got := a.heartbeatTimeout(tt.held); got != tt.want {
			t.Errorf("%d attempts: %v, want %v", len(tt.held), got, tt.want)
		}
	}
}
