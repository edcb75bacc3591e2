package agent

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/clock"
)

// pollLoop takes jobs whenever a slot is free, with one poll at a time, until
// pollCtx ends.
func (a *Agent) pollLoop(runCtx, pollCtx context.Context) {
	for {
		var s *slot
		select {
		case s = <-a.slots:
		case <-pollCtx.Done():
			return
		}
		asg := a.awaitJob(runCtx, pollCtx)
		if asg == nil {
			a.free(s)
			return
		}
		a.startAttempt(runCtx, s, asg)
	}
}

func (a *Agent) startAttempt(runCtx context.Context, s *slot, asg *errand.Assignment) {
	t := newAttempt(runCtx, a, s, asg)
	free := func() { a.free(s) }
	if !a.addAttempt(t, t.run, free) {
		a.Log.Warn("the server assigned an attempt that is already running", "job", asg.JobID, "attempt", asg.Attempt)
		t.cancelReport(nil)
		free()
	}
}

// awaitJob polls until there is a job. It returns nil if the agent ends first.
func (a *Agent) awaitJob(runCtx, pollCtx context.Context) *errand.Assignment {
	var repolls []time.Duration
	for pollCtx.Err() == nil {
		if a.awaitDisk(pollCtx) != nil || a.awaitRecentHeartbeat(pollCtx) != nil {
			break
		}
		id, began := rand.Text(), a.Clock.Now()
		asg, err := a.poll(pollCtx, id)
		if asg != nil {
			return asg
		}
		if err != nil {
			return a.recoverPoll(runCtx, id)
		}
		if len(repolls) > 0 {
			delay := repolls[0]
			repolls = repolls[1:]
			if clock.Sleep(pollCtx, a.Clock, delay) != nil {
				break
			}
			continue
		}
		rang, err := a.awaitWork(pollCtx, a.Clock.Now().Sub(began))
		if err != nil {
			break
		}
		if rang {
			repolls = repollDelays
		}
	}
	return nil
}

// pollDelay returns how long to wait after a poll without a job: not at all if
// the server held the poll. If it should have and didn't, the delay prevents a
// busy loop.
func (a *Agent) pollDelay(held time.Duration) time.Duration {
	reg := a.registration.current()
	interval := a.pollInterval(reg.PollIntervalMs)
	switch {
	case reg.PollWait == 0:
		return interval
	case held < time.Second:
		return min(max(interval, time.Second/10), time.Second)
	}
	return 0
}

// poll retries with one poll ID until the server answers. The server gives the
// same assignment to the same ID, so a lost response loses no job. An error
// means that ctx ended first: what the server answered is unknown.
func (a *Agent) poll(ctx context.Context, id string) (*errand.Assignment, error) {
	wait := time.Duration(a.registration.current().PollWait) * time.Second
	for n := 1; ; n++ {
		asg, err := a.pollOnce(ctx, id, wait)
		if err == nil || ctx.Err() != nil {
			return asg, err
		}
		after, temporary := api.Temporary(err)
		temporary = temporary || errors.Is(err, errReregistered)
		a.Log.Warn("poll failed, trying again", "try", n, "err", err)
		if err := a.backOff(ctx, n, after); err != nil {
			return nil, err
		}
		if !temporary {
			return nil, nil // the server has answered this poll: make another
		}
	}
}

func (a *Agent) pollOnce(ctx context.Context, id string, wait time.Duration) (asg *errand.Assignment, err error) {
	err = a.registration.call(ctx, wait, func(ctx context.Context, epoch int) (err error) {
		asg, err = a.registration.client.GetJob(ctx, a.registration.id.WorkerID, epoch, id, wait)
		return err
	})
	return asg, err
}

// maxRecoverTries limits how often recoverPoll asks. An attempt that the agent
// never learns of was never accepted, so it doesn't count.
const maxRecoverTries = 3

// recoverPoll asks for the answer to a poll that draining interrupted. If it is a
// job, this worker must run it: nobody else gets it before its lease ends.
func (a *Agent) recoverPoll(runCtx context.Context, id string) *errand.Assignment {
	for n := 1; n <= maxRecoverTries && runCtx.Err() == nil && a.stopping.Err() == nil; n++ {
		asg, err := a.pollOnce(runCtx, id, 0)
		if err == nil {
			return asg
		}
		after, temporary := api.Temporary(err)
		if !temporary || clock.Sleep(runCtx, a.Clock, min(a.Backoff.Delay(n, after), time.Second)) != nil {
			return nil
		}
	}
	return nil
}
