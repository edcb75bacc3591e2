package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/uptime"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/clock"
)

// maxRetryAfter limits the Retry-After that heartbeats honour: leases end
// meanwhile, and the header may come from a proxy that knows nothing of them.
const maxRetryAfter = time.Minute

// minHeartbeatTimeout is enough for an answer where leases are short.
const minHeartbeatTimeout = time.Second

// heartbeatState is shared by the heartbeat loop and those who wait for it.
type heartbeatState struct {
	now chan struct{} // has a value when the next heartbeat is to be sent at once

	mu       *sync.Mutex
	last     time.Time     // wall time of the last answer
	interval time.Duration // that the last answer set
	answer   chan struct{} // closed at the next answer
}

func newHeartbeatState() heartbeatState {
	return heartbeatState{now: make(chan struct{}, 1), mu: new(sync.Mutex), answer: make(chan struct{})}
}

// sendNow makes the loop send the next heartbeat at once.
func (h *heartbeatState) sendNow() {
	select {
	case h.now <- struct{}{}:
	default:
	}
}

func (h *heartbeatState) recordAnswer(at time.Time, interval time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last, h.interval = at, interval
	close(h.answer)
	h.answer = make(chan struct{})
}

// nextAnswer returns a channel that the next answered heartbeat closes.
func (h *heartbeatState) nextAnswer() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.answer
}

// isRecent reports whether a heartbeat was answered within three intervals.
func (h *heartbeatState) isRecent(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return now.Sub(h.last) <= 3*h.interval
}

// heartbeatLoop sends heartbeats and carries out the orders in the answers,
// until ctx ends.
func (a *Agent) heartbeatLoop(ctx context.Context) {
	interval := time.Duration(a.registration.current().HeartbeatMs) * time.Millisecond
	a.heartbeat.recordAnswer(wallTime(a.Clock), interval) // registration counts as one
	wait := a.heartbeatDelay(interval)
	var held holdState
	for failures := 0; ; {
		next, err := a.nextHeartbeat(ctx, wait, &held)
		if ctx.Err() != nil {
			return
		}
		switch {
		case err == nil:
			failures = 0
			if next > 0 {
				interval = next
			}
			wait = a.heartbeatDelay(interval)
		case errors.Is(err, errReregistered):
			wait = a.Backoff.Delay(1, 0)
		default:
			failures++
			after, _ := api.Temporary(err)
			wait = max(min(a.Backoff.Delay(failures, 0), max(interval, a.Backoff.Min)), min(after, maxRetryAfter))
			if ctx.Err() == nil {
				a.Log.Warn("heartbeat failed; jobs keep running", "try", failures, "err", err)
			}
		}
	}
}

// minHold is the least time for which it is worth having a heartbeat held, and the time
// between an answer and such a heartbeat.
const minHold = time.Second

// holdState tells whether the next heartbeat may be held: not after one that failed, or
// that was answered early, since a full server holds none and would be asked again and
// again.
type holdState struct{ paused bool }

// nextHeartbeat sends the heartbeat that is due after wait, or at once if somebody
// waits for it. If the server holds requests, it does the waiting, mostly: so its
// order to cancel an attempt comes at once.
func (a *Agent) nextHeartbeat(ctx context.Context, wait time.Duration, state *holdState) (interval time.Duration, err error) {
	held := a.currentAttempts()
	hold := min(wait-minHold, a.heartbeatTimeout(held)).Truncate(time.Second)
	if state.paused || hold < minHold || a.registration.current().PollWait == 0 || len(held) == 0 {
		hold = 0
	}
	asked, err := a.awaitHeartbeatTime(ctx, wait-hold)
	if err != nil {
		return 0, err
	}
	if asked || hold == 0 {
		interval, err = a.sendHeartbeat(ctx, 0)
		state.paused = err != nil
		return interval, err
	}
	sent := a.Clock.Now()
	holdCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	over := make(chan struct{})
	awaited := make(chan bool, 1)
	go func() {
		select {
		case <-a.heartbeat.now:
			cancel()
			awaited <- true
		case <-over:
			awaited <- false
		}
	}()
	interval, err = a.sendHeartbeat(holdCtx, hold)
	close(over)
	if <-awaited && ctx.Err() == nil {
		return a.sendHeartbeat(ctx, 0)
	}
	state.paused = err != nil || a.Clock.Now().Sub(sent) < hold/2
	return interval, err
}

// awaitHeartbeatTime waits until the next heartbeat is due, or asked for by somebody who
// waits for its answer.
func (a *Agent) awaitHeartbeatTime(ctx context.Context, wait time.Duration) (asked bool, err error) {
	due, stop := clock.After(a.Clock, wait)
	defer stop()
	select {
	case <-ctx.Done():
	case <-due:
	case <-a.heartbeat.now:
		asked = true
	}
	return asked, ctx.Err()
}

// knownBytes is a number of bytes as a heartbeat says it, where 0 is an unknown one.
func knownBytes(n int64) int64 { return max(n, 1) }

// sendHeartbeat sends a heartbeat that the server may hold for up to hold, and carries
// out the orders in the answer.
func (a *Agent) sendHeartbeat(ctx context.Context, hold time.Duration) (interval time.Duration, err error) {
	held := slices.DeleteFunc(a.currentAttempts(), func(t *attempt) bool { return !t.known.Load() })
	if len(held) > errand.MaxHolds {
		held = held[:errand.MaxHolds] // possible only with unreported results of earlier processes; the others wait
	}
	h := errand.Heartbeat{WorkerID: a.registration.id.WorkerID, Draining: a.draining.Err() != nil, Stopped: a.stopped.Load(), Holds: []errand.Hold{}, DiskFree: freeDisk(a.DataDir), DiskCache: a.cacheBytes()}
	for _, t := range held {
		h.Holds = append(h.Holds, t.hold())
	}
	sent := uptime.Of(a.Clock)
	var answer errand.HeartbeatAnswer
	err = a.registration.callWithin(ctx, hold+a.heartbeatTimeout(held), func(ctx context.Context, epoch int) (err error) {
		h.Epoch = epoch
		if hold > 0 {
			answer, err = a.registration.client.HeldHeartbeat(ctx, h, hold)
		} else {
			answer, err = a.registration.client.Heartbeat(ctx, h)
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	answered := 0
	for _, o := range answer.Orders {
		for _, t := range held {
			if t.JobID == o.JobID && t.Attempt == o.Attempt {
				t.handleOrder(o, sent)
				answered++
			}
		}
	}
	interval = time.Duration(answer.IntervalMs) * time.Millisecond
	a.Log.Debug("heartbeat", "holds", len(held), "next", interval)
	a.heartbeat.recordAnswer(wallTime(a.Clock), interval)
	a.registration.setBell(answer.Bell)
	if answer.Drain {
		a.Drain()
	}
	if answered < len(held) {
		return 0, fmt.Errorf("the server could not renew %d of %d attempts", len(held)-answered, len(held))
	}
	return interval, nil
}

// heartbeatTimeout bounds one try, so that several fit into the shortest lease: on a
// dead connection no answer comes.
func (a *Agent) heartbeatTimeout(held []*attempt) time.Duration {
	limit := a.RequestTimeout
	for _, t := range held {
		limit = min(limit, max(t.leaseLength()/4, minHeartbeatTimeout))
	}
	return limit
}

// sendLastHeartbeat tells the server, once, that this process ends, and which attempts
// it leaves to the next one.
// If it fails, the server shows the worker as offline a little later.
func (a *Agent) sendLastHeartbeat(ctx context.Context) {
	a.stopped.Store(true)
	if _, err := a.sendHeartbeat(ctx, 0); err != nil {
		a.Log.Debug("last heartbeat failed", "err", err)
	}
}

// awaitRecentHeartbeat waits for an answered heartbeat if the last one is long
// ago: after a suspend the agent must first learn what became of its attempts.
func (a *Agent) awaitRecentHeartbeat(ctx context.Context) error {
	if a.heartbeat.isRecent(wallTime(a.Clock)) {
		return nil
	}
	return a.awaitHeartbeat(ctx)
}

// awaitHeartbeat waits for the next answered heartbeat.
func (a *Agent) awaitHeartbeat(ctx context.Context) error {
	answered := a.heartbeat.nextAnswer()
	a.heartbeat.sendNow()
	select {
	case <-answered:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
