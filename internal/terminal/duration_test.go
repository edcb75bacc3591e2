package terminal

import (
	"testing"
	"time"
)

func TestParseDuration(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for s, want := range map[string]time.Duration{
		"0": 0, "90": 90 * time.Second, "5m": 5 * time.Minute, "1d": day, "1d12h": 36 * time.Hour, "1h30m": 90 * time.Minute,
		"1.5s": 1500 * time.Millisecond, "14d": 14 * day, "99999d": 99999 * day, "-1s": -time.Second,
	} {
		if got, err := ParseDuration(s); got != want || err != nil {
			t.Errorf("%q: %v, %v; want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "x", "1dd", "1d-1h", "1d+1h", "1h1d", "-1d", "1.5d", "1 d", "100000d", "99999999999999", "5 minutes"} {
		if got, err := ParseDuration(s); err == nil || got != 0 {
			t.Errorf("%q: %v, %v; want an error", s, got, err)
		}
	}
}

func TestFormatExactDuration(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]time.Duration{
		"14d": 14 * 24 * time.Hour, "1d12h": 36 * time.Hour, "5m": 5 * time.Minute, "1h30m": 90 * time.Minute, "1h": time.Hour,
		"10m": 10 * time.Minute, "1h0m5s": time.Hour + 5*time.Second, "1.5s": 1500 * time.Millisecond, "20ms": 20 * time.Millisecond, "0s": 0, "-1s": -time.Second,
	} {
		got := FormatExactDuration(d)
		back, err := ParseDuration(got)
		if got != want || back != d || err != nil {
			t.Errorf("%v: %q, which reads as %v, %v; want %q", d, got, back, err, want)
		}
	}
}
