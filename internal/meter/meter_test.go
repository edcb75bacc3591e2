package meter_test

import (
	"slices"
	"testing"
	"time"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/internal/meter"
)

// TestSay: a line comes every five seconds, and less often if it takes minutes.
func TestSay(t *testing.T) {
	t.Parallel()
	clk := clock.NewManual(time.Unix(0, 0))
	var m meter.Meter
	var said []string
	stop := m.Say(clk, "fetching", func(line string) { said = append(said, line) })
	clk.Advance(5 * time.Second)
	m.Start(100e6)
	m.Add(20e6)
	clk.Advance(5 * time.Second)
	m.Start(0)
	m.Add(30e6)
	m.Add(-900)
	clk.Advance(5 * time.Second)
	stop()
	clk.Advance(time.Minute)
	want := []string{"fetching: 5 s", "fetching: 20.0 MB of 100.0 MB, 2.0 MB/s", "fetching: 30.0 MB, 2.0 MB/s"}
	if !slices.Equal(said, want) {
		t.Errorf("said %q, want %q", said, want)
	}
}

// TestSayLessOften: an hour's wait is no thousand lines.
func TestSayLessOften(t *testing.T) {
	t.Parallel()
	clk := clock.NewManual(time.Unix(0, 0))
	n := 0
	stop := new(meter.Meter).Say(clk, "fetching", func(string) { n++ })
	defer stop()
	clk.Advance(time.Minute)
	if n != 11 {
		t.Errorf("%d lines in a minute", n)
	}
	clk.Advance(time.Hour)
	if n > 150 {
		t.Errorf("%d lines in an hour", n)
	}
}

// TestNil: what nobody watches is not counted.
func TestNil(t *testing.T) {
	t.Parallel()
	var m *meter.Meter
	m.Start(1)
	m.Add(1)
}
