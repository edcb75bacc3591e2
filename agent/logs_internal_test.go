package agent

import (
	"testing"
	"time"

	"github.com/errandhq/errand/internal/clock"
)

// TestWatchInterval: where each chunk is paid for, chunks are sent less often once a log
// has been watched for 30 seconds.
func TestWatchInterval(t *testing.T) {
	t.Parallel()
	now := clock.NewManual(time.Date(2026, 1, 2, 10, 0, 0, 0, time.UTC))
	a := &Agent{Config: Config{Clock: now}}
	u := newUploader(&attempt{agent: a}, false)
	want := func(d time.Duration) {
		t.Helper()
		if got := u.interval(now.Now()); got != d {
			t.Errorf("the interval is %v, want %v", got, d)
		}
	}
	want(0)
	u.watch(true)
	want(time.Second)
	now.Advance(29 * time.Second)
	u.watch(true)
	want(time.Second)
	now.Advance(time.Second)
	want(2 * time.Second)
	a.registration.reg.PollWait = 20
	want(time.Second)
	u.watch(false)
	want(0)
}
