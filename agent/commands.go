package agent

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/attemptdir"
	"github.com/errandhq/errand/agent/internal/spool"
	"github.com/errandhq/errand/agent/internal/supervisor"
	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/internal/process"
)

// maxStarts is how many supervisors are told to run an attempt: one that ends before it
// has begun leaves nothing behind.
const maxStarts = 3

// errNotBegun: the supervisor has ended and had not begun the attempt.
var errNotBegun = errors.New("the process that runs the commands was killed before it began")

// runCommands runs the job's commands under the slot's supervisor. Errors: the cause of
// the attempt's end, if nothing was started.
func (t *attempt) runCommands() (*attemptdir.Outcome, error) {
	for n := 1; ; n++ {
		client, err := t.slot.connect(t.workCtx)
		var out *attemptdir.Outcome
		switch {
		case err != nil && t.workCtx.Err() != nil:
			return nil, context.Cause(t.workCtx)
		case err != nil:
		case t.hasBegun(): // under the supervisor before, whose end is now certain
			return t.findOutcome(errand.ReasonAgentError, killedText), nil
		default:
			if out, err = t.runUnder(client); !errors.Is(err, errNotBegun) {
				return out, err
			}
		}
		if n == maxStarts {
			return nil, err
		}
		t.agent.Log.Warn("the job has not begun, starting it again", "job", t.JobID, "try", n, "err", err)
		if err := t.agent.backOff(t.workCtx, n, 0); err != nil {
			return nil, context.Cause(t.workCtx)
		}
	}
}

// hasBegun reports whether a supervisor has begun the attempt: it creates the log first.
func (t *attempt) hasBegun() bool {
	_, err := os.Lstat(t.dir.Log())
	return !errors.Is(err, fs.ErrNotExist)
}

const killedText = "the process that ran the commands was killed"

// runUnder runs the job's commands under a supervisor. Errors: errNotBegun, and as
// runCommands.
func (t *attempt) runUnder(client *supervisor.Client) (*attemptdir.Outcome, error) {
	lease, ok := t.lease.follow(client)
	defer t.lease.unfollow()
	if !ok {
		return nil, errLease
	}
	err := client.Send(supervisor.Request{Run: &supervisor.Run{
		Attempt: string(t.dir), Env: t.env(), Grace: t.agent.Grace, PipeWait: t.agent.PipeWait, Lease: lease,
		Timeout: t.timeLeft(), Cgroups: t.agent.cgroups, Cgroup: t.cgroup(), Limits: t.limits(),
		Save: t.save, Dirs: t.cacheDirs(), TraceParents: t.trace.Commands(len(t.Commands)),
		Console: t.agent.console(),
	}})
	if err != nil {
		return nil, errNotBegun
	}
	return t.follow(client, 0)
}

// cgroup is the name of the attempt's control group, which other workers on this machine
// don't use.
func (t *attempt) cgroup() string { return t.agent.registration.id.WorkerID + "-" + t.dir.Name() }

// limits are the job's, within the agent's maxima.
func (t *attempt) limits() errand.Limits {
	var own errand.Limits
	if t.Limits != nil {
		own = *t.Limits
	}
	return own.Within(t.agent.MaxLimits)
}

// timeLeft returns what is left of the timeout; 0 if there is none.
func (t *attempt) timeLeft() time.Duration {
	if t.TimeoutSeconds == 0 {
		return 0
	}
	return max(1, t.timeout()-t.agent.Clock.Now().Sub(t.began))
}

// endMargin is how long a supervisor may take to end the commands beyond their grace.
const endMargin = 15 * time.Second

// follow uploads the log while the commands run, and returns the outcome. As long as the
// supervisor doesn't end them, the slot can run nothing else, and follow waits. Errors:
// errNotReported, if the agent ends meanwhile; errNotBegun.
func (t *attempt) follow(client *supervisor.Client, asks int) (*attemptdir.Outcome, error) {
	ending := t.workCtx.Done()
	var late <-chan struct{}
	stopTimer := func() {}
	defer func() { stopTimer() }()
	for {
		st := client.Status()
		if sameAttempt(st, t.dir) {
			t.readLog(st.Log)
			if st.Asks > asks {
				asks = st.Asks
				t.agent.heartbeat.sendNow()
			}
			if st.Outcome != nil {
				return t.checkSaved(st), nil
			}
		}
		select {
		case <-client.Changed():
		case <-client.Gone():
			if last := client.Status(); sameAttempt(last, t.dir) && last.Outcome != nil {
				continue // it came with the end
			}
			if !t.hasBegun() {
				return nil, errNotBegun
			}
			return t.findOutcome(errand.ReasonAgentError, killedText), nil
		case <-ending:
			ending = nil
			late, stopTimer = clock.After(t.agent.Clock, t.agent.Grace+t.agent.PipeWait+endMargin)
			_ = client.Send(supervisor.Request{End: t.end()}) // else Gone says it
		case <-late:
			t.agent.Log.Error("the process that runs the commands does not end them", "job", t.JobID)
			if t.runCtx.Err() != nil || t.agent.stopping.Err() != nil {
				return nil, errNotReported
			}
			late, stopTimer = clock.After(t.agent.Clock, endMargin)
		}
	}
}

func (t *attempt) checkSaved(st supervisor.Status) *attemptdir.Outcome {
	if st.Left != "" {
		t.agent.Log.Error("could not remove the job's control group", "job", t.JobID, "err", st.Left)
	}
	if st.Unsaved != "" {
		t.agent.Log.Error("could not write the result to disk; reporting it anyway", "job", t.JobID, "err", st.Unsaved)
	}
	if st.Outcome.End == (spool.Pos{}) && t.spool != nil { // it could not write the log
		t.scanLog(st.Outcome)
	}
	return st.Outcome
}

// sameAttempt reports whether the status is of the attempt in the directory.
func sameAttempt(st supervisor.Status, d attemptdir.Dir) bool {
	return st.Attempt != "" && attemptdir.Dir(st.Attempt).Name() == d.Name()
}

// end returns how the commands are to be ended, after the end of workCtx.
func (t *attempt) end() *supervisor.End {
	cause := context.Cause(t.workCtx)
	end := &supervisor.End{Reason: errand.ReasonWorkerStopped, Error: cause.Error()}
	switch {
	case errors.Is(cause, errCancelled):
		end.Reason = errand.ReasonCancelled
	case errors.Is(cause, process.ErrTimeout):
		end.Reason, end.Error = t.reason(cause)
	case errors.Is(cause, errAbandoned): // another worker may be about to run them
		end.Reason, end.Kill = "", true
	}
	return end
}

// readLog begins or goes on to upload the log, which goes to end.
func (t *attempt) readLog(end spool.Pos) {
	if end == (spool.Pos{}) {
		return
	}
	if err := t.openLog(); err != nil {
		t.agent.Log.Error("could not open the job's log", "job", t.JobID, "err", err)
		return
	}
	t.spool.SetEnd(end)
	t.logs.start(t.spool)
}

// openLog opens what there is of the log, or goes on from what precedes the commands to all
// of it. Errors: fs.ErrNotExist.
func (t *attempt) openLog() (err error) {
	if t.spool == nil {
		t.spool, err = t.dir.OpenLog()
		return err
	}
	if err := t.spool.Continue(t.dir.Log()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// scanLog notes in the outcome what the disk has of the log.
func (t *attempt) scanLog(out *attemptdir.Outcome) {
	err := t.openLog()
	if errors.Is(err, fs.ErrNotExist) {
		return // nothing was written
	}
	if err == nil {
		out.Result.Log, err = t.spool.Scan()
		t.logs.start(t.spool)
		out.End = t.spool.End()
	}
	if err != nil {
		t.agent.Log.Error("could not read the job's log", "job", t.JobID, "err", err)
	}
}

// findOutcome returns the outcome of an attempt whose supervisor has ended: what is on
// disk, or that it failed for this reason.
func (t *attempt) findOutcome(reason errand.Reason, text string) *attemptdir.Outcome {
	out, err := t.dir.Outcome()
	if err == nil {
		return t.readOutcome(out)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		t.agent.Log.Error("could not read the job's result", "job", t.JobID, "err", err)
	}
	if err := t.agent.cgroups.Remove(t.cgroup()); err != nil {
		t.agent.Log.Error("could not remove the job's control group", "job", t.JobID, "err", err)
	}
	process.KillStray(t.ownVariables()...)
	out = &attemptdir.Outcome{Reason: reason, Error: text}
	out.Result.Commands = []errand.CommandResult{}
	t.scanLog(out)
	return out
}
