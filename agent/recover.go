package agent

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/errandhq/errand/agent/internal/attemptdir"
	"github.com/errandhq/errand/agent/internal/spool"
	"github.com/errandhq/errand/internal/process"
)

// resumeAttempts goes through the attempts of an earlier process. It reports
// those that have an outcome. The others ended with that process: their leases
// run out.
func (a *Agent) resumeAttempts(runCtx context.Context) {
	dirs, err := attemptdir.List(a.DataDir)
	if err != nil {
		a.Log.Error("could not look for attempts of an earlier process", "err", err)
	}
	for _, d := range dirs {
		if err := a.resumeAttempt(runCtx, d); err != nil {
			a.Log.Warn("dropped an attempt of an earlier process", "dir", filepath.Base(string(d)), "err", err)
			if err := d.Remove(); err != nil {
				a.Log.Warn("could not remove the directory of an earlier attempt", "err", err)
			}
		}
	}
}

var errDied = errors.New("the agent ended while its commands ran")

func (a *Agent) resumeAttempt(runCtx context.Context, d attemptdir.Dir) error {
	asg, err := d.Assignment()
	if err != nil {
		return err // the agent ended while it made or removed the directory
	}
	t := newAttempt(runCtx, a, asg)
	t.dir = d
	process.KillStray(t.ownVariables()...)
	out, err := d.Outcome()
	if errors.Is(err, fs.ErrNotExist) {
		err = errDied
	}
	if err != nil {
		t.cancelReport(err)
		return err
	}
	t.grant.markRefused() // when it expires is unknown
	a.addAttempt(t, func() { t.reportEarlier(out) }, func() {})
	return nil
}

// reportEarlier reports the outcome of an attempt of an earlier process.
func (t *attempt) reportEarlier(out *attemptdir.Outcome) {
	defer t.cancelReport(nil)
	log := t.agent.Log.With("job", t.JobID, "attempt", t.Attempt)
	log.Info("reporting the result of an earlier process", "exit", out.Result.ExitCode, "reason", string(out.Reason))
	var err error
	if t.spool, err = spool.Open(t.dir.Log()); err == nil {
		t.logs.spool, t.logs.sent, t.logs.trying = t.spool, out.Sent, out.Trying
	} else {
		log.Error("could not open the job's log; reporting the result without the rest of it", "err", err)
		out.Result.Log.TailOffset = out.Result.Log.Bytes
	}
	t.cleanUp(log, t.deliver(out))
}
