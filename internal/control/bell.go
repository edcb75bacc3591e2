package control

import (
	"context"
	"slices"
	"time"

	"github.com/errandhq/errand"
)

// Ringer rings the bells of the queues.
type Ringer interface {
	// Ring wakes one worker that waits at the queue's bell, now or within a
	// minute. It is called only for the queues in Config.Bells.
	Ring(ctx context.Context, queue string) error
}

// hasBell reports whether workers wait at a bell. They don't if polls are held.
func (s *Service) hasBell() bool { return len(s.Bells) > 0 && s.Timing.PollWait == 0 }

// bell returns a worker's bell, or nil. One bell must serve all of the worker's
// queues: a worker waits at one, and would miss jobs of the other queues.
func (s *Service) bell(w *errand.Worker) *errand.Bell {
	if !s.hasBell() {
		return nil
	}
	b := &errand.Bell{PollIntervalMs: s.Timing.BellPoll.Milliseconds()}
	for _, q := range w.Queues {
		if !slices.Contains(s.Queues, q) {
			continue
		}
		url, ok := s.Bells[q]
		if !ok {
			return nil
		}
		b.URLs = append(b.URLs, url)
	}
	if len(b.URLs) == 0 {
		return nil
	}
	return b
}

// ring wakes a worker that waits for jobs of the queue. An error is only logged:
// workers also poll by themselves after a while.
func (s *Service) ring(ctx context.Context, queue string) {
	if !s.hasBell() || s.Bells[queue] == "" {
		return
	}
	if err := s.Queue.Ring(ctx, queue); err != nil {
		s.Log.WarnContext(ctx, "bell not rung", "queue", queue, "err", err)
	}
}

// ringForNext rings for the next job of a group after one has ended.
func (s *Service) ringForNext(ctx context.Context, st errand.StateRecord) {
	if st.Status.Terminal() && st.MessageGroupID != st.JobID {
		s.ring(ctx, st.Queue)
	}
}

// interval is the time until a worker's next heartbeat. It is longer for a worker
// that holds no job and waits at a bell.
func (s *Service) interval(w *errand.Worker, holds int) time.Duration {
	if holds == 0 && s.bell(w) != nil {
		return max(s.Timing.Heartbeat, s.Timing.IdleHeartbeat)
	}
	return s.Timing.Heartbeat
}
