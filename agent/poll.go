package agent

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/uptime"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/clock"
)

// A question asks for a job for each of the slots, and reports what has ended.
type question struct {
	id      string
	slots   []*slot
	reports []*pendingReport
}

// count is how many jobs are asked for: a reported attempt's slot is free then, too.
func (q *question) count() int {
	n := len(q.slots)
	for _, r := range q.reports {
		if r.slot != nil {
			n++
		}
	}
	return min(n, errand.MaxTake)
}

// pollLoop takes jobs whenever slots are free, with one question at a time, until
// pollCtx ends.
func (a *Agent) pollLoop(runCtx, pollCtx context.Context) {
	defer a.outbox.setAway(true)
	var repolls []time.Duration
	for a.awaitTurn(pollCtx) == nil && pollCtx.Err() == nil {
		q := a.newQuestion()
		if q.count() == 0 && len(q.reports) == 0 {
			continue
		}
		began, wait := a.Clock.Now(), a.holdFor(q)
		taken, err := a.ask(runCtx, pollCtx, q, wait)
		if err != nil {
			return
		}
		switch {
		case taken > 0:
			repolls = nil
		case wait == 0 && a.registration.current().PollWait > 0: // the next question is held
		case len(repolls) > 0:
			delay := repolls[0]
			repolls = repolls[1:]
			err = a.whileAway(func() error { return clock.Sleep(pollCtx, a.Clock, delay) })
		default:
			err = a.whileAway(func() error {
				rang, err := a.awaitWork(pollCtx, a.Clock.Now().Sub(began))
				if rang {
					repolls = repollDelays
				}
				return err
			})
		}
		if err != nil {
			return
		}
	}
}

// whileAway has reports sent by themselves while f waits for something.
func (a *Agent) whileAway(f func() error) error {
	a.outbox.setAway(true)
	defer a.outbox.setAway(false)
	return f()
}

// awaitTurn waits until there is something to ask for or to report, and asking is of use.
func (a *Agent) awaitTurn(pollCtx context.Context) error {
	select {
	case s := <-a.slots:
		a.free(s)
	case <-a.outbox.asker:
	case <-pollCtx.Done():
		return context.Cause(pollCtx)
	}
	if a.heartbeat.isRecent(wallTime(a.Clock)) && !a.disk.suspect.Load() {
		return nil
	}
	return a.whileAway(func() error {
		if err := a.awaitDisk(pollCtx); err != nil {
			return err
		}
		return a.awaitRecentHeartbeat(pollCtx)
	})
}

// newQuestion takes the free slots and the reports that wait.
func (a *Agent) newQuestion() *question {
	q := &question{id: rand.Text(), reports: a.outbox.take()}
	for q.count() < errand.MaxTake {
		select {
		case s := <-a.slots:
			q.slots = append(q.slots, s)
			continue
		default:
		}
		break
	}
	return q
}

// holdFor returns how long the server may keep the question: not at all if it has
// reports, which are answered with it.
func (a *Agent) holdFor(q *question) time.Duration {
	if len(q.reports) > 0 {
		return 0
	}
	return time.Duration(a.registration.current().PollWait) * time.Second
}

// ask sends the question until the server has answered, and starts the attempts that it
// gave. It returns how many. An error means that pollCtx has ended.
func (a *Agent) ask(runCtx, pollCtx context.Context, q *question, wait time.Duration) (taken int, err error) {
	answer, began, err := a.poll(pollCtx, q, wait)
	if err != nil {
		answer, began = a.recoverPoll(runCtx, q)
	}
	for i, asg := range answer.Attempts {
		if i < len(q.slots) {
			a.startAttempt(runCtx, q.slots[i], asg, began)
		}
	}
	for _, s := range q.slots[min(len(answer.Attempts), len(q.slots)):] {
		a.free(s)
	}
	return len(answer.Attempts), err
}

// startAttempt runs an attempt in a slot. Its lease began at began, in uptime, or later.
func (a *Agent) startAttempt(runCtx context.Context, s *slot, asg *errand.Assignment, began time.Duration) {
	t := newAttempt(runCtx, a, s, asg, a.Clock.Now())
	t.holdsSlot = true
	t.lease.renew(began, time.Duration(asg.LeaseSeconds)*time.Second, asg.Retryable)
	if !a.addAttempt(t, t.run, t.freeSlot) {
		a.Log.Warn("the server assigned an attempt that is already running", "job", asg.JobID, "attempt", asg.Attempt)
		t.cancelReport(nil)
		t.freeSlot()
	}
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
// same assignments to the same ID, so a lost response loses no job. began is a time in
// uptime before which they were not assigned. An error means that ctx ended first: what
// the server answered is unknown.
func (a *Agent) poll(ctx context.Context, q *question, wait time.Duration) (answer api.Synced, began time.Duration, err error) {
	for n := 1; ; n++ {
		answer, began, err = a.pollOnce(ctx, q, wait)
		if err == nil || ctx.Err() != nil {
			return answer, began, err
		}
		after, temporary := api.Temporary(err)
		temporary = temporary || errors.Is(err, errReregistered)
		a.Log.Warn("poll failed, trying again", "try", n, "err", err)
		if !temporary { // the server has answered this poll: make another
			fail(q.reports, err)
			q.reports = nil
		}
		if err := a.whileAway(func() error { return a.backOff(ctx, n, after) }); err != nil {
			return answer, began, err
		}
		if !temporary {
			return api.Synced{}, began, nil
		}
	}
}

// pollOnce sends the question once. When the server has taken the reports, their slots
// are the question's.
func (a *Agent) pollOnce(ctx context.Context, q *question, wait time.Duration) (answer api.Synced, began time.Duration, err error) {
	if wait > 0 {
		a.outbox.setAway(true)
		defer a.outbox.setAway(false)
	}
	in := api.Sync{WorkerID: a.registration.id.WorkerID, Reports: bodies(q.reports)}
	if in.Count = q.count(); in.Count > 0 {
		in.PollID = q.id
	}
	sent := uptime.Of(a.Clock)
	err = a.registration.call(ctx, wait, func(ctx context.Context, epoch int) (err error) {
		in.Epoch = epoch
		answer, err = a.registration.client.Sync(ctx, in, wait)
		return err
	})
	if err != nil {
		return api.Synced{}, 0, err
	}
	for _, r := range q.reports {
		if r.slot != nil {
			q.slots = append(q.slots, r.slot)
			r.slot = nil
		}
	}
	a.settle(q.reports, answer.Reports)
	q.reports = nil
	return answer, sent + time.Duration(answer.WaitedMs)*time.Millisecond, answer.Problem.Err()
}

// maxRecoverTries limits how often recoverPoll asks.
const maxRecoverTries = 3

// recoverPoll asks for the answer to a poll that draining interrupted. If there are jobs,
// this worker must run them: they count, and nobody else gets them before their leases end.
func (a *Agent) recoverPoll(runCtx context.Context, q *question) (answer api.Synced, began time.Duration) {
	for n := 1; n <= maxRecoverTries && runCtx.Err() == nil && a.stopping.Err() == nil; n++ {
		answer, began, err := a.pollOnce(runCtx, q, 0)
		if err == nil {
			return answer, began
		}
		after, temporary := api.Temporary(err)
		if !temporary || clock.Sleep(runCtx, a.Clock, min(a.Backoff.Delay(n, after), time.Second)) != nil {
			break
		}
	}
	fail(q.reports, errDrained)
	q.reports = nil
	return api.Synced{}, 0
}
