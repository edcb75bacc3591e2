package errand

import (
	"math"
	"strings"
	"testing"
)

func TestLimits(t *testing.T) {
	t.Parallel()
	for _, l := range []Limits{{}, {Memory: MinLimitMemory, CPUs: 0.01, Pids: 1}, {Memory: MaxLimitMemory, CPUs: MaxLimitCPUs, Pids: MaxLimitPids}} {
		if err := l.Validate(); err != nil {
			t.Errorf("%+v: %v", l, err)
		}
	}
	for field, all := range map[string][]Limits{
		"limits.memory": {{Memory: -1}, {Memory: 1}, {Memory: MinLimitMemory - 1}, {Memory: MaxLimitMemory + 1}},
		"limits.cpus":   {{CPUs: -1}, {CPUs: 0.001}, {CPUs: math.NaN()}, {CPUs: math.Inf(1)}},
		"limits.pids":   {{Pids: -1}, {Pids: MaxLimitPids + 1}},
	} {
		for _, l := range all {
			if err := l.Validate(); CodeOf(err) != CodeInvalidField || !strings.Contains(err.Error(), field) {
				t.Errorf("%+v: %v", l, err)
			}
		}
	}
	got := Limits{Memory: 5, CPUs: 2}.Within(Limits{Memory: 7, CPUs: 1.5, Pids: 9})
	if want := (Limits{Memory: 5, CPUs: 1.5, Pids: 9}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	for n, want := range map[int64]string{2 << 30: "2 GiB", 2 << 40: "2048 GiB", 1536 << 20: "1536 MiB", 512 << 20: "512 MiB", 4096: "4 KiB", 2_000_000_001: "2000000001 bytes"} {
		if got := FormatMemory(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

// An empty object of limits asks for none.
func TestEmptyLimitsAreNone(t *testing.T) {
	s := &Spec{Commands: []Command{{Shell: "true"}}, Limits: &Limits{}}
	s.Normalise(DefaultTiming())
	if s.Limits != nil {
		t.Errorf("the limits are %+v", s.Limits)
	}
}
