package backoff_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/errandhq/errand/internal/backoff"
)

func TestDelayDoublesUpToMax(t *testing.T) {
	p := backoff.Policy{Min: 100 * time.Millisecond, Max: time.Second}
	for n, full := range map[int]time.Duration{
		0: 100 * time.Millisecond, 1: 100 * time.Millisecond, 2: 200 * time.Millisecond, 4: 800 * time.Millisecond,
		5: time.Second, 61: time.Second, 1 << 30: time.Second,
	} {
		for range 100 {
			if d := p.Delay(n, 0); d < full/2 || d > full {
				t.Fatalf("after failure %d: %v, want between %v and %v", n, d, full/2, full)
			}
		}
	}
}

func TestDelayHonoursRetryAfter(t *testing.T) {
	p := backoff.Policy{Min: time.Millisecond, Max: time.Second}
	if d := p.Delay(1, 5*time.Second); d != 5*time.Second {
		t.Errorf("waits %v although the server asked for 5 s", d)
	}
}

func TestDelayIsJittered(t *testing.T) {
	p := backoff.Policy{Min: time.Second, Max: time.Second}
	first := p.Delay(1, 0)
	for range 100 {
		if p.Delay(1, 0) != first {
			return
		}
	}
	t.Errorf("a hundred delays are all %v", first)
}

func ExamplePolicy() {
	retry := backoff.Policy{Min: 200 * time.Millisecond, Max: 10 * time.Second}
	fmt.Println(retry.Delay(3, 0) <= 800*time.Millisecond)
	// Output: true
}
