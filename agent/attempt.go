package agent

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/attemptdir"
	"github.com/errandhq/errand/agent/internal/spool"
	"github.com/errandhq/errand/internal/process"
)

// Causes of an attempt's end that come from the server.
var (
	errCancelled = errors.New("the job was cancelled")
	errAbandoned = errors.New("the server has given the job up or to another")
)

// attempt is one assignment on its way from the answer to the report.
type attempt struct {
	*errand.Assignment
	a   *Agent
	dir attemptdir.Dir

	// report lives until the attempt is reported or not to be; work, within
	// it, until the commands are to end. Their causes say why.
	report    context.Context
	endReport context.CancelCauseFunc
	work      context.Context
	endWork   context.CancelCauseFunc

	acceptOnce sync.Once
	accepted   chan struct{} // closed when the server has confirmed it
	lease      *lease
	grant      *grant
	spool      *spool.Spool
	logs       *uploader
}

func newAttempt(base context.Context, a *Agent, asg *errand.Assignment) *attempt {
	t := &attempt{Assignment: asg, a: a, accepted: make(chan struct{})}
	t.report, t.endReport = context.WithCancelCause(base)
	t.work, t.endWork = context.WithCancelCause(t.report)
	t.lease = &lease{clock: a.Clock, kill: func() { t.endWork(errLease) }, ask: a.pulse.kick}
	t.grant = newGrant(a.Clock, asg.Write)
	t.logs = newUploader(t, asg.Watched)
	return t
}

// holdNow is what a heartbeat says of the attempt.
func (t *attempt) holdNow() errand.Hold {
	return errand.Hold{JobID: t.JobID, Attempt: t.Attempt, RenewWrites: t.grant.old()}
}

// obey carries out what a heartbeat sent at that time was answered.
func (t *attempt) obey(o errand.Order, sent time.Time) {
	if o.Order == errand.OrderAbandon {
		t.endReport(errAbandoned)
		return
	}
	if o.Write != nil {
		t.grant.renew(*o.Write)
	}
	t.lease.renew(sent, time.Duration(o.LeaseSeconds)*time.Second, o.Retryable)
	t.logs.watch(o.Watched)
	if o.Order == errand.OrderCancel {
		t.endWork(errCancelled)
	}
	t.acceptOnce.Do(func() { close(t.accepted) })
}

// run does the work and reports it.
func (t *attempt) run() {
	defer t.endReport(nil)
	log := t.a.Log.With("job", t.JobID, "attempt", t.Attempt)
	log.Info("took job", "name", t.Name, "commands", len(t.Commands))
	out, err := t.do()
	process.KillStray(t.own()...) // before the report, which may let the next job of its lane begin
	if t.spool != nil {
		defer t.spool.Close()
	}
	switch {
	case err != nil:
		log.Warn("job dropped, nothing to report", "why", err)
	default:
		log.Info("job ended", "exit", out.Result.ExitCode, "reason", string(out.Reason), "err", out.Error)
		t.a.disk.doubt(out.Reason == errand.ReasonAgentError)
		err = t.deliver(out)
	}
	if errors.Is(err, errKeep) {
		return
	}
	if err := t.dir.Remove(); err != nil {
		log.Warn("could not remove the attempt's directory", "err", err)
	}
}

// do makes the outcome, and puts it on disk. An error means that there is
// nothing to report: its cause says why.
func (t *attempt) do() (*attemptdir.Outcome, error) {
	result := errand.Result{Commands: []errand.CommandResult{}}
	err := t.prepare()
	if err == nil {
		err = t.commands(&result)
	}
	out, err := t.outcome(result, err)
	if t.spool == nil {
		return out, err
	}
	sent, trying := t.logs.stop()
	if err != nil {
		return nil, err
	}
	out.Sent, out.Trying = sent, trying
	out.End, out.Result.Log = t.spool.End(), t.spool.Log()
	if err := errors.Join(t.spool.Sync(), t.dir.WriteOutcome(out)); err != nil {
		t.a.Log.Error("could not keep the result on disk; reporting it all the same", "job", t.JobID, "err", err)
	}
	return out, nil
}

// prepare makes the directory and puts the source into it.
func (t *attempt) prepare() error {
	var err error
	if t.dir, err = attemptdir.Create(t.a.DataDir, t.Assignment); err != nil {
		return err
	}
	if t.spool, err = spool.Create(t.dir.Log(), t.a.Clock.Now); err != nil {
		return err
	}
	t.logs.start(t.spool)
	if t.Source != nil {
		if err := t.unpack(); err != nil {
			return err
		}
	}
	select {
	case <-t.accepted:
		return nil
	case <-t.work.Done():
		return context.Cause(t.work)
	}
}

// outcome says what err means for the job; an error, that it means nothing.
func (t *attempt) outcome(result errand.Result, err error) (*attemptdir.Outcome, error) {
	out := &attemptdir.Outcome{Result: result}
	fail := func(r errand.Reason, text string) (*attemptdir.Outcome, error) {
		out.Reason, out.Error = r, clip(text, errand.MaxErrorBytes)
		return out, nil
	}
	var start *process.StartError
	var setup *setupError
	switch {
	case t.report.Err() != nil:
		return nil, context.Cause(t.report)
	case errors.Is(err, errLease):
		return nil, err
	case err == nil:
		return out, nil
	case errors.Is(err, errCancelled):
		return fail(errand.ReasonCancelled, "cancelled while it ran")
	case errors.Is(err, errStopped):
		return fail(errand.ReasonWorkerStopped, err.Error())
	case errors.Is(err, process.ErrTimeout):
		return fail(errand.ReasonTimedOut, fmt.Sprintf("the commands ran longer than their timeout of %v", t.timeout()))
	case errors.As(err, &setup):
		return fail(setup.reason, setup.Error())
	case errors.As(err, &start):
		return fail(errand.ReasonStartFailed, err.Error())
	default:
		return fail(errand.ReasonAgentError, err.Error())
	}
}

func (t *attempt) timeout() time.Duration { return time.Duration(t.TimeoutSeconds) * time.Second }

// clip cuts s to n bytes, between characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}
