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

// recover goes through what an earlier process left: outcomes are reported;
// attempts that had none died with it, and their leases decide.
func (a *Agent) recover(base context.Context) {
	dirs, err := attemptdir.List(a.DataDir)
	if err != nil {
		a.Log.Error("earlier attempts are not reported", "err", err)
	}
	for _, d := range dirs {
		if err := a.recoverDir(base, d); err != nil {
			a.Log.Warn("attempt of an earlier process dropped", "dir", filepath.Base(string(d)), "why", err)
			if err := d.Remove(); err != nil {
				a.Log.Warn("could not remove an earlier attempt's directory", "err", err)
			}
		}
	}
}

var errDied = errors.New("its commands ended with that process")

func (a *Agent) recoverDir(base context.Context, d attemptdir.Dir) error {
	asg, err := d.Assignment()
	if err != nil {
		return err // it was being made, or being removed
	}
	t := newAttempt(base, a, asg)
	t.dir = d
	process.KillStray(t.own()...)
	out, err := d.Outcome()
	if errors.Is(err, fs.ErrNotExist) {
		err = errDied
	}
	if err != nil {
		t.endReport(err)
		return err
	}
	t.grant.refuse() // its time isn't known any more
	a.hold(t, func() { t.again(out) }, func() {})
	return nil
}

// again reports the outcome of an earlier process.
func (t *attempt) again(out *attemptdir.Outcome) {
	defer t.endReport(nil)
	log := t.a.Log.With("job", t.JobID, "attempt", t.Attempt)
	log.Info("reporting an earlier result", "exit", out.Result.ExitCode, "reason", string(out.Reason))
	var err error
	if t.spool, err = spool.Open(t.dir.Log()); err == nil {
		defer t.spool.Close()
		t.logs.spool, t.logs.sent, t.logs.trying = t.spool, out.Sent, out.Trying
	} else {
		log.Error("the log is lost", "err", err)
		out.Result.Log.TailOffset = out.Result.Log.Bytes
	}
	if err := t.deliver(out); errors.Is(err, errKeep) {
		return
	}
	if err := t.dir.Remove(); err != nil {
		log.Warn("could not remove the attempt's directory", "err", err)
	}
}
