package terminal

import (
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestCountSignals: timeout(1) sends SIGTERM twice and means it once.
func TestCountSignals(t *testing.T) {
	t.Parallel()
	const none, one, two = 0, 1, 2
	for name, tt := range map[string]struct {
		signals []os.Signal
		pause   time.Duration
		want    int
	}{
		"none":                  {nil, 0, none},
		"SIGTERM twice at once": {[]os.Signal{syscall.SIGTERM, syscall.SIGTERM}, time.Millisecond, one},
		"SIGTERM again":         {[]os.Signal{syscall.SIGTERM, syscall.SIGTERM}, 2 * time.Second, two},
		"Ctrl-C twice at once":  {[]os.Signal{os.Interrupt, os.Interrupt}, time.Millisecond, two},
		"SIGTERM, Ctrl-C":       {[]os.Signal{syscall.SIGTERM, os.Interrupt}, time.Millisecond, two},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				signals, done := make(chan os.Signal, 2), make(chan struct{})
				got := none
				go countSignals(signals, done, func() { got = one }, func() { got = two })
				for _, s := range tt.signals {
					signals <- s
					time.Sleep(tt.pause)
				}
				synctest.Wait()
				if got != tt.want {
					t.Errorf("%d signals count, want %d", got, tt.want)
				}
				close(done)
			})
		})
	}
}
