package control

import (
	"context"
	"slices"
	"time"

	"github.com/errandhq/errand"
)

// Ringer rings the bells of the queues.
type Ringer interface {
	// Ring lets the queue's bell wake one worker, now or within a minute. It is
	// called for queues that Config.Bells has.
	Ring(ctx context.Context, queue string) error
}

// hasBell reports whether workers are to wait at a bell. Where polls are held,
// they aren't.
func (s *Service) hasBell() bool { return len(s.Bells) > 0 && s.Timing.PollWait == 0 }

// bell is the bell of a worker; nil: it has none. It must be one for all of its
// queues, or it would sleep through jobs of the others.
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

// ring wakes a worker that waits for jobs of the queue. It is a side job: where
// it fails, one comes by itself after a while.
func (s *Service) ring(ctx context.Context, queue string) {
	if !s.hasBell() || s.Bells[queue] == "" {
		return
	}
	if err := s.Queue.Ring(ctx, queue); err != nil {
		s.Log.WarnContext(ctx, "bell not rung", "queue", queue, "err", err)
	}
}

// ringForNext rings for the job that waits in a group behind one that is over.
func (s *Service) ringForNext(ctx context.Context, st errand.StateRecord) {
	if st.Status.Terminal() && st.MessageGroupID != st.JobID {
		s.ring(ctx, st.Queue)
	}
}

// interval is how soon a worker should be heard of again: one that holds
// nothing, and waits at a bell, has less to say.
func (s *Service) interval(w *errand.Worker, holds int) time.Duration {
	if holds == 0 && s.bell(w) != nil {
		return max(s.Timing.Heartbeat, s.Timing.IdleHeartbeat)
	}
	return s.Timing.Heartbeat
}
