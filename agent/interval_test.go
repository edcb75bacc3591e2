package agent_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/errandhq/errand/agent"
)

// TestShorterIntervals: an agent's own intervals replace the server's longer ones.
func TestShorterIntervals(t *testing.T) {
	t.Parallel()
	s, clock := newBellServer(t), newManual()
	s.run(func(c *agent.Config) {
		c.Clock, c.HeartbeatInterval, c.PollInterval = clock, 3*time.Second, time.Minute
	})
	w := s.waiter()
	for n := range 2 {
		eventually(t, "the heartbeat's timer", func() bool { d, ok := clock.Next(); return ok && d == 3*time.Second })
		clock.Advance(3 * time.Second)
		s.await("a heartbeat", func() bool { return len(s.beats) > n })
	}
	clock.Advance(time.Minute)
	w <- "<ReceiveMessageResponse/>"
	s.await("a poll", func() bool { return len(s.polls) == 2 })
}

// TestLongerIntervals: longer ones have no effect, and the log says so.
func TestLongerIntervals(t *testing.T) {
	t.Parallel()
	s, clock := newBellServer(t), newManual()
	var log lockedBuffer
	s.run(func(c *agent.Config) {
		c.Clock, c.HeartbeatInterval, c.PollInterval = clock, time.Minute, time.Hour
		c.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	w := s.waiter()
	eventually(t, "the heartbeat's timer", func() bool { d, ok := clock.Next(); return ok && d == 10*time.Second })
	clock.Advance(5 * time.Minute)
	w <- "<ReceiveMessageResponse/>"
	s.await("a poll", func() bool { return len(s.polls) == 2 })
	for _, want := range []string{"of=heartbeats agent=1m0s server=10s", "of=polls agent=1h0m0s server=5m0s"} {
		if !strings.Contains(log.String(), "this agent's interval is longer than the server's, which is used\" "+want) {
			t.Errorf("%s is missing:\n%s", want, log.String())
		}
	}
}

// TestIntervalOfHeldPolls: where the server holds polls, the interval has no effect.
func TestIntervalOfHeldPolls(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var log lockedBuffer
	s.run(func(c *agent.Config) {
		c.PollInterval = time.Second
		c.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	s.await("a poll", func() bool { return len(s.polls) > 0 })
	if !strings.Contains(log.String(), "the poll interval has no effect") {
		t.Errorf("the log:\n%s", log.String())
	}
}
