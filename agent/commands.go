package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/process"
)

// commands runs the job's commands and notes in r how they ended. They are
// under the lease's guard while they run. The error is Sequence.Run's.
func (t *attempt) commands(r *errand.Result) error {
	defer t.lease.release()
	if !t.lease.guard() {
		t.endWork(errLease)
		return context.Cause(t.work)
	}
	start := t.a.Clock.Now()
	var outputs []*[2]capture
	s := process.Sequence{
		Commands: t.Commands, Shell: t.Shell, Dir: t.dir.Work(), Env: t.env(), ContinueOnError: t.ContinueOnError,
		Timeout: t.timeout(), Grace: t.grace, PipeWait: t.a.PipeWait, Now: t.a.Clock.Now, AfterFunc: t.a.Clock.AfterFunc,
		Before: func(i int) error {
			outputs = append(outputs, newCaptures())
			return t.spool.Write(errand.System, i, []byte("$ "+t.Commands[i].String()+"\n"))
		},
		Output: func(i int, stream errand.Stream) io.Writer {
			c := &outputs[i][0]
			if stream == errand.Stderr {
				c = &outputs[i][1]
			}
			return io.MultiWriter(t.spool.Writer(stream, i), c)
		},
	}
	steps, err := s.Run(t.work)
	for i, st := range steps {
		if i < len(outputs) {
			r.Commands = append(r.Commands, commandResult(st, outputs[i]))
		}
		if st.Code != 0 && r.ExitCode == 0 {
			r.ExitCode, r.Signal = st.Code, st.Signal
		}
	}
	r.DurationMs = t.a.Clock.Now().Sub(start).Milliseconds()
	t.sayWhy(len(steps)-1, err)
	return err
}

func commandResult(st process.Step, c *[2]capture) errand.CommandResult {
	return errand.CommandResult{
		ExitCode: st.Code, Signal: st.Signal, DurationMs: st.Duration.Milliseconds(),
		Stdout: c[0].output(), Stderr: c[1].output(),
	}
}

// sayWhy writes a line into the log that explains an end which its commands
// don't. That it can't be written matters to nobody then.
func (t *attempt) sayWhy(command int, err error) {
	var start *process.StartError
	var line string
	switch {
	case errors.Is(err, process.ErrTimeout):
		line = fmt.Sprintf("timed out after %v", t.timeout())
	case errors.Is(err, errCancelled), errors.Is(err, errStopped), errors.As(err, &start):
		line = err.Error()
	default:
		return
	}
	_ = t.spool.Write(errand.System, command, []byte("errand: "+line+"\n"))
}

// grace is how long the commands have to end: none where someone else is about
// to run them.
func (t *attempt) grace(cause error) time.Duration {
	if errors.Is(cause, errLease) || errors.Is(cause, errAbandoned) {
		return 0
	}
	return t.a.Grace
}

// own is the variables that say which attempt a process belongs to.
func (t *attempt) own() []string {
	var all []string
	for k, v := range t.ownEnv() {
		all = append(all, k+"="+v)
	}
	return all
}

func (t *attempt) ownEnv() map[string]string {
	return map[string]string{
		"ERRAND_JOB_ID": t.JobID, "ERRAND_ATTEMPT": strconv.Itoa(t.Attempt), "ERRAND_WORKER_ID": t.a.session.id.WorkerID,
	}
}

func (t *attempt) env() []string {
	return process.Env{Host: t.a.Host, Temp: t.dir.Temp(), Own: t.ownEnv(), Job: t.Env}.Build()
}
