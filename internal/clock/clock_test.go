package clock_test

import (
	"testing"
	"time"

	"github.com/errandhq/errand/internal/clock"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestManualFiresInOrderAtTheRightTime(t *testing.T) {
	c := clock.NewManual(start)
	var got []time.Duration
	note := func() { got = append(got, c.Now().Sub(start)) }
	c.AfterFunc(3*time.Second, note)
	c.AfterFunc(time.Second, func() {
		note()
		c.AfterFunc(time.Second, note)
	})
	c.AfterFunc(time.Minute, note)

	c.Advance(10 * time.Second)

	want := []time.Duration{time.Second, 2 * time.Second, 3 * time.Second}
	if len(got) != len(want) {
		t.Fatalf("fired at %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("firing %d at %v, want %v", i, got[i], want[i])
		}
	}
	if now := c.Now().Sub(start); now != 10*time.Second {
		t.Errorf("clock stands at +%v, want +10s", now)
	}
	if next, ok := c.Next(); !ok || next != 50*time.Second {
		t.Errorf("Next() = %v, %v, want 50s, true", next, ok)
	}
}

func TestManualSuspend(t *testing.T) {
	c := clock.NewManual(start)
	var fired time.Duration
	c.AfterFunc(time.Second, func() { fired = c.Now().Sub(start) })
	c.Suspend(time.Minute)
	if now := c.Now().Sub(start); fired != time.Minute || now != time.Minute {
		t.Errorf("fired at +%v, the clock stands at +%v, want one minute for both", fired, now)
	}
}

func TestManualStop(t *testing.T) {
	c := clock.NewManual(start)
	stop := c.AfterFunc(time.Second, func() { t.Error("a stopped timer fired") })
	if !stop() {
		t.Error("stop of a waiting timer = false, want true")
	}
	if stop() {
		t.Error("second stop = true, want false")
	}
	c.Advance(time.Minute)
}
