package uptime_test

import (
	"testing"
	"time"

	"github.com/errandhq/errand/agent/internal/uptime"
	"github.com/errandhq/errand/internal/clock"
)

func TestOf(t *testing.T) {
	t.Parallel()
	first := uptime.Of(clock.Real())
	if second := uptime.Of(clock.Real()); second < first || second-first > time.Hour {
		t.Errorf("%v, then %v", first, second)
	}
	manual := clock.NewManual(time.Unix(100, 0))
	first = uptime.Of(manual)
	manual.Suspend(time.Hour)
	if got := uptime.Of(manual) - first; got != time.Hour {
		t.Errorf("%v passed, want an hour", got)
	}
}
