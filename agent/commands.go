package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/process"
)

// runCommands runs the job's commands and records in r how they ended. The lease
// is watched while they run. The error is Sequence.Run's.
func (t *attempt) runCommands(r *errand.Result) error {
	defer t.lease.unwatch()
	if !t.lease.watch() {
		t.cancelWork(errLease)
		return context.Cause(t.workCtx)
	}
	start := t.agent.Clock.Now()
	var outputs []*[2]capture
	s := process.Sequence{
		Commands: t.Commands, Shell: t.Shell, Dir: t.dir.Work(), Env: t.env(), ContinueOnError: t.ContinueOnError,
		Grace: t.grace, PipeWait: t.agent.PipeWait, Clock: t.agent.Clock,
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
	steps, err := s.Run(t.workCtx)
	for i, st := range steps {
		if i < len(outputs) {
			r.Commands = append(r.Commands, commandResult(st, outputs[i]))
		}
		if st.Code != 0 && r.ExitCode == 0 {
			r.ExitCode, r.Signal = st.Code, st.Signal
		}
	}
	r.DurationMs = t.agent.Clock.Now().Sub(start).Milliseconds()
	t.logEnd(len(steps)-1, err)
	return err
}

func commandResult(st process.Step, c *[2]capture) errand.CommandResult {
	return errand.CommandResult{
		ExitCode: st.Code, Signal: st.Signal, DurationMs: st.Duration.Milliseconds(),
		Stdout: c[0].output(), Stderr: c[1].output(),
	}
}

// logEnd writes why the commands ended, if they don't say it themselves, as the
// log's last line. A failure to write it is ignored.
func (t *attempt) logEnd(command int, err error) {
	var start *process.StartError
	var notFound *process.NotInPathError
	var line string
	switch {
	case errors.Is(err, process.ErrTimeout):
		line = fmt.Sprintf("timed out after %v", t.timeout())
	case errors.As(err, &notFound): // the result's error is without the PATH
		line = fmt.Sprintf("%v (%s)", err, notFound.Path)
	case errors.Is(err, errCancelled), errors.Is(err, errStopped), errors.As(err, &start):
		line = err.Error()
	default:
		return
	}
	_ = t.spool.Write(errand.System, command, []byte("errand: "+line+"\n"))
}

// grace returns how long the commands have to end: 0 if another worker may be
// about to run them.
func (t *attempt) grace(cause error) time.Duration {
	if errors.Is(cause, errLease) || errors.Is(cause, errAbandoned) {
		return 0
	}
	return t.agent.Grace
}
