package agent

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
)

// polls takes work whenever a slot is free, one question at a time, until the
// agent is drained or ctx ends. base outlives draining.
func (a *Agent) polls(base, ctx context.Context) {
	for {
		select {
		case a.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		asg := a.take(base, ctx)
		if asg == nil {
			return
		}
		a.start(base, asg)
	}
}

// start runs an assignment; its slot is given back at its end.
func (a *Agent) start(base context.Context, asg *errand.Assignment) {
	t := newAttempt(base, a, asg)
	free := func() { <-a.slots }
	if !a.hold(t, t.run, free) {
		a.Log.Warn("was given an attempt that it has already", "job", asg.JobID, "attempt", asg.Attempt)
		t.endReport(nil)
		free()
		return
	}
	if closed(a.stopping) {
		t.endWork(errStopped)
	}
	a.pulse.kick()
}

// take asks until there is work; nil: there will be none.
func (a *Agent) take(base, ctx context.Context) *errand.Assignment {
	var rings echo
	for ctx.Err() == nil {
		if a.diskTried(ctx) != nil || a.freshen(ctx) != nil {
			break
		}
		id, began := rand.Text(), a.Clock.Now()
		asg, err := a.ask(ctx, id)
		if asg != nil {
			return asg
		}
		if err != nil {
			return a.askOnceMore(base, id)
		}
		if again, ok := rings.next(); ok {
			if sleep(ctx, a.Clock, again) != nil {
				break
			}
			continue
		}
		rang, err := a.rest(ctx, a.Clock.Now().Sub(began))
		if err != nil {
			break
		}
		rings.heard(rang)
	}
	return nil
}

// between is the wait after a poll that got nothing: none where the server
// held it. One that was to be held and wasn't doesn't become a busy loop.
func (a *Agent) between(held time.Duration) time.Duration {
	reg := a.session.now()
	interval := time.Duration(reg.PollIntervalMs) * time.Millisecond
	switch {
	case reg.PollWait == 0:
		return interval
	case held < time.Second:
		return min(max(interval, time.Second/10), time.Second)
	}
	return 0
}

// ask makes one poll: it asks with one ID until there is an answer. The server
// gives the same assignment to the same ID, so one whose answer was lost isn't.
// An error says that ctx ended first: what the server answered isn't known.
func (a *Agent) ask(ctx context.Context, id string) (*errand.Assignment, error) {
	wait := time.Duration(a.session.now().PollWait) * time.Second
	for n := 1; ; n++ {
		asg, err := a.askOnce(ctx, id, wait)
		if err == nil || ctx.Err() != nil {
			return asg, err
		}
		after, temporary := api.Temporary(err)
		temporary = temporary || errors.Is(err, errAgain)
		a.Log.Warn("asking for work failed, trying again", "try", n, "err", err)
		if err := a.pause(ctx, n, after); err != nil {
			return nil, err
		}
		if !temporary {
			return nil, nil // an answer, if not to our liking: the next poll is another
		}
	}
}

func (a *Agent) askOnce(ctx context.Context, id string, wait time.Duration) (asg *errand.Assignment, err error) {
	err = a.session.call(ctx, wait, func(ctx context.Context, epoch int) (err error) {
		asg, err = a.session.client.GetJob(ctx, a.session.id.WorkerID, epoch, id, wait)
		return err
	})
	return asg, err
}

// lastTries bounds the questions about a poll that draining broke off. An
// attempt that the agent never learns of was never accepted, and counts for nothing.
const lastTries = 3

// askOnceMore asks what a poll that draining broke off was answered. If that
// is work, it is this worker's, and is run: nobody else gets it before its lease ends.
func (a *Agent) askOnceMore(base context.Context, id string) *errand.Assignment {
	for n := 1; n <= lastTries && base.Err() == nil && !closed(a.stopping); n++ {
		asg, err := a.askOnce(base, id, 0)
		if err == nil {
			return asg
		}
		after, temporary := api.Temporary(err)
		if !temporary || sleep(base, a.Clock, min(a.Backoff.delay(n, after), time.Second)) != nil {
			return nil
		}
	}
	return nil
}
