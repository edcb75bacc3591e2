package agent

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
)

// longestPause bounds what a Retry-After may ask of heartbeats: leases end
// meanwhile, and a proxy in between knows nothing of them.
const longestPause = time.Minute

// pulse is when heartbeats go out and when one last came through.
type pulse struct {
	now chan struct{} // a value: at once

	mu       *sync.Mutex
	last     time.Time     // by the wall: of the last that was answered
	interval time.Duration // that it was answered with
	beat     chan struct{} // closed at the next one
}

func newPulse() pulse {
	return pulse{now: make(chan struct{}, 1), mu: new(sync.Mutex), beat: make(chan struct{})}
}

// kick makes the next heartbeat go out at once.
func (p *pulse) kick() {
	select {
	case p.now <- struct{}{}:
	default:
	}
}

// answered notes a heartbeat that came through, and when the next one is due.
func (p *pulse) answered(at time.Time, interval time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last, p.interval = at, interval
	close(p.beat)
	p.beat = make(chan struct{})
}

// next is what the next heartbeat that comes through closes.
func (p *pulse) next() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.beat
}

// fresh reports whether the last heartbeat isn't long ago.
func (p *pulse) fresh(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return now.Sub(p.last) <= 3*p.interval
}

// heartbeats says that the worker lives, what it holds, and carries out the
// orders in the answers, until ctx ends.
func (a *Agent) heartbeats(ctx context.Context) {
	interval := time.Duration(a.session.now().HeartbeatMs) * time.Millisecond
	a.pulse.answered(wall(a.Clock), interval) // registration is one
	wait := interval
	for failures := 0; ; {
		if !a.awaitBeat(ctx, wait) {
			return
		}
		next, err := a.beat(ctx)
		switch {
		case err == nil:
			failures = 0
			if next > 0 {
				interval = next
			}
			wait = interval
		case errors.Is(err, errAgain):
			wait = a.Backoff.delay(1, 0)
		default:
			failures++
			after, _ := api.Temporary(err)
			wait = max(min(a.Backoff.delay(failures, 0), max(interval, a.Backoff.Min)), min(after, longestPause))
			if ctx.Err() == nil {
				a.Log.Warn("heartbeat failed; jobs run on", "try", failures, "err", err)
			}
		}
	}
}

// awaitBeat waits for the time of the next heartbeat; false: there is none.
func (a *Agent) awaitBeat(ctx context.Context, wait time.Duration) bool {
	due, stop := timer(a.Clock, wait)
	defer stop()
	select {
	case <-ctx.Done():
	case <-due:
	case <-a.pulse.now:
	}
	return ctx.Err() == nil
}

// beat sends one heartbeat and carries out what is answered.
func (a *Agent) beat(ctx context.Context) (interval time.Duration, err error) {
	held := a.held()
	if len(held) > errand.MaxHolds {
		held = held[:errand.MaxHolds] // only with reports left over from before; the others wait
	}
	h := errand.Heartbeat{WorkerID: a.session.id.WorkerID, Draining: closed(a.draining), Holds: []errand.Hold{}}
	for _, t := range held {
		h.Holds = append(h.Holds, t.holdNow())
	}
	sent := wall(a.Clock)
	var answer errand.HeartbeatAnswer
	err = a.session.call(ctx, 0, func(ctx context.Context, epoch int) (err error) {
		h.Epoch = epoch
		answer, err = a.session.client.Heartbeat(ctx, h)
		return err
	})
	if err != nil {
		return 0, err
	}
	for _, o := range answer.Orders {
		for _, t := range held {
			if t.JobID == o.JobID && t.Attempt == o.Attempt {
				t.obey(o, sent)
			}
		}
	}
	interval = time.Duration(answer.IntervalMs) * time.Millisecond
	a.Log.Debug("heartbeat", "holds", len(held), "next", interval)
	a.pulse.answered(wall(a.Clock), interval)
	a.session.setBell(answer.Bell)
	if answer.Drain {
		a.Drain()
	}
	return interval, nil
}

// lastBeat says, once, that the worker holds nothing any more. That it fails
// costs nothing: the server sees it go offline instead.
func (a *Agent) lastBeat(ctx context.Context) {
	if _, err := a.beat(ctx); err != nil {
		a.Log.Debug("last heartbeat failed", "err", err)
	}
}

// freshen waits, if the last heartbeat is long ago, until one came through:
// after a suspend the agent must first hear what has become of what it holds.
func (a *Agent) freshen(ctx context.Context) error {
	if a.pulse.fresh(wall(a.Clock)) {
		return nil
	}
	return a.heard(ctx)
}

// heard waits until a heartbeat came through from now on.
func (a *Agent) heard(ctx context.Context) error {
	beat := a.pulse.next()
	a.pulse.kick()
	select {
	case <-beat:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
