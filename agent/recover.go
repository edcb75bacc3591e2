package agent

import (
	"context"
	"errors"
	"io/fs"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/attemptdir"
	"github.com/errandhq/errand/agent/internal/origin"
	"github.com/errandhq/errand/agent/internal/spool"
	"github.com/errandhq/errand/agent/internal/supervisor"
)

// HasAttempts reports whether an earlier agent left attempts in a data directory: running,
// or yet to be reported.
func HasAttempts(dataDir string) (bool, error) {
	dirs, err := attemptdir.List(dataDir)
	return len(dirs) > 0, err
}

// resumeAttempts goes on with the attempts of an earlier process. Those whose
// supervisor lives are taken over, the others reported. It returns the slots that they
// use.
func (a *Agent) resumeAttempts(runCtx context.Context) map[int]*slot {
	dirs, err := attemptdir.List(a.DataDir)
	if err != nil {
		a.Log.Error("could not look for attempts of an earlier process", "err", err)
	}
	a.removeCgroups(dirs)
	if err := attemptdir.RemoveUnusedWork(a.DataDir); err != nil {
		a.Log.Warn("could not remove folders of earlier jobs", "err", err)
	}
	a.removeOldWorkspaces()
	used := map[int]*slot{}
	for _, d := range dirs {
		switch err := a.resumeAttempt(runCtx, d, used); {
		case errors.Is(err, fs.ErrNotExist):
			a.Log.Warn("dropped an attempt of an earlier process that had not begun", "dir", d.Name(), "err", err)
			if err := d.Remove(); err != nil {
				a.Log.Warn("could not remove the directory of an earlier attempt", "err", err)
			}
		case err != nil:
			a.Log.Error("could not read an attempt of an earlier process; its directory is kept, and the next start tries again", "dir", string(d), "err", err)
		}
	}
	return used
}

// resumeAttempt goes on with one. Errors: fs.ErrNotExist, if it had not begun.
func (a *Agent) resumeAttempt(runCtx context.Context, d attemptdir.Dir, used map[int]*slot) error {
	job, err := d.Job()
	if err != nil {
		return err
	}
	out, err := d.Outcome()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	s := used[job.Slot]
	if s == nil {
		s = &slot{agent: a, number: job.Slot}
	}
	t := newAttempt(runCtx, a, s, &job.Assignment, d.Began(a.Clock.Now()))
	t.dir = d
	t.grant.markRefused() // when it expires is unknown
	log := a.Log.With("job", t.JobID, "attempt", t.Attempt)
	if out != nil {
		t.ended.Store(true)
		t.kept()
		a.addAttempt(t, func() {
			t.report(log, func() (*attemptdir.Outcome, error) { return t.readOutcome(out), nil })
		}, func() {})
		return nil
	}
	used[s.number] = s
	s.use()
	a.addAttempt(t, func() {
		t.report(log, func() (*attemptdir.Outcome, error) { return t.takeOver(job.Origin) })
	}, s.release)
	return nil
}

// readOutcome opens the log of an attempt that has ended, unless it is open.
func (t *attempt) readOutcome(out *attemptdir.Outcome) *attemptdir.Outcome {
	if t.spool != nil {
		t.spool.SetEnd(out.End)
		return out
	}
	var err error
	if t.spool, err = t.dir.OpenLog(); err == nil {
		t.findLines(out)
		t.spool.SetEnd(out.End)
		t.logs.start(t.spool)
		return out
	}
	if !errors.Is(err, fs.ErrNotExist) || out.End != (spool.Pos{}) {
		t.agent.Log.Error("could not open the job's log; reporting the result without the rest of it", "job", t.JobID, "err", err)
	}
	out.Result.Log.TailOffset = out.Result.Log.Bytes
	return out
}

// errCopied: the attempt's directory may be a copy. Its commands may run elsewhere, so
// that only the end of the lease tells that they have ended.
var errCopied = errors.New("the data directory may be a copy of another agent's")

// takeOver follows the attempt if its supervisor lives. If not, it returns why the
// attempt failed. Until it is known which, heartbeats don't renew the lease.
func (t *attempt) takeOver(was origin.Origin) (*attemptdir.Outcome, error) {
	for n := 1; ; n++ {
		client, err := t.slot.attach(t.reportCtx)
		switch {
		case err == nil && sameAttempt(client.Status(), t.dir):
			t.agent.Log.Info("taking over a running job", "job", t.JobID, "attempt", t.Attempt)
			t.lease.follow(client)
			defer t.lease.unfollow()
			t.kept()
			out, err := t.follow(client, client.Status().Asks)
			if errors.Is(err, errNotBegun) {
				return t.findOutcome(errand.ReasonAgentError, err.Error()), nil
			}
			return out, err
		case err == nil, errors.Is(err, supervisor.ErrNone):
			return t.endedUnseen(was)
		}
		t.kept() // it lives
		t.agent.Log.Warn("could not reach the supervisor of a running job, trying again", "job", t.JobID, "try", n, "err", err)
		if err := t.agent.backOff(t.reportCtx, n, 0); err != nil {
			return nil, err
		}
	}
}

// endedUnseen returns the outcome of an attempt whose agent and supervisor have ended.
func (t *attempt) endedUnseen(was origin.Origin) (*attemptdir.Outcome, error) {
	switch was.Since(origin.Of(string(t.dir))) {
	case origin.SameBoot:
		if !t.hasBegun() {
			t.agent.Log.Info("starting a job that the earlier agent received and did not start, if it is still this worker's", "job", t.JobID, "attempt", t.Attempt)
			t.resumed.Store(true)
			return t.execute()
		}
		return t.findOutcome(errand.ReasonAgentRestarted, "the agent and the process that ran the commands were killed; the agent was started again"), nil
	case origin.Restarted:
		return t.findOutcome(errand.ReasonMachineRestarted, "the worker's machine was restarted while the job ran"), nil
	case origin.Unknown:
	}
	if out, err := t.dir.Outcome(); err == nil { // written meanwhile
		return t.readOutcome(out), nil
	}
	return nil, errCopied
}
