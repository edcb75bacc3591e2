package control

import (
	"context"
	"time"

	"github.com/errandhq/errand"
)

// Ringer rings the bell.
type Ringer interface {
	// Ring wakes up to n of the workers that wait at the bell, now or within a minute; n
	// is 1 to 10. It is called only if Config.Bell is set.
	Ring(ctx context.Context, n int) error
}

// manyRings is how many workers are woken for what some worker can do, and maybe not
// each: all that wait, in a small fleet.
const manyRings = 10

// hasBell reports whether workers wait at a bell. They don't if polls are held.
func (s *Service) hasBell() bool { return s.Bell != "" && s.Timing.PollWait == 0 }

// bell returns the workers' bell, or nil. One serves all queues: a worker pays for each
// at which it waits.
func (s *Service) bell() *errand.Bell {
	if !s.hasBell() {
		return nil
	}
	return &errand.Bell{URLs: []string{s.Bell}, PollIntervalMs: s.Timing.BellPoll.Milliseconds()}
}

// ring wakes a worker that waits for jobs.
func (s *Service) ring(ctx context.Context) { s.ringTimes(ctx, 1) }

// ringMany wakes workers until one that can do what there is should be among them.
func (s *Service) ringMany(ctx context.Context) { s.ringTimes(ctx, manyRings) }

// ringTimes only logs an error: workers also poll by themselves after a while.
func (s *Service) ringTimes(ctx context.Context, n int) {
	if !s.hasBell() {
		return
	}
	if err := s.Queue.Ring(ctx, n); err != nil {
		s.Log.WarnContext(ctx, "bell not rung", "err", err)
	}
}

// ringFor wakes a worker for a job of the queue.
func (s *Service) ringFor(ctx context.Context, queue string) {
	if queue != errand.DefaultQueue { // not every worker may take from it
		s.ringMany(ctx)
		return
	}
	s.ring(ctx)
}

// ringForNext rings for the next job of a group after one has ended.
func (s *Service) ringForNext(ctx context.Context, st errand.StateRecord) {
	if st.Status.Terminal() && st.MessageGroupID != st.JobID {
		s.ringFor(ctx, st.Queue)
	}
}

// interval is the time until a worker's next heartbeat. It is longer for a worker
// that holds no job and waits at a bell.
func (s *Service) interval(holds int) time.Duration {
	if holds == 0 && s.hasBell() {
		return max(s.Timing.Heartbeat, s.Timing.IdleHeartbeat)
	}
	return s.Timing.Heartbeat
}
