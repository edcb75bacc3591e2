package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/attemptdir"
	"github.com/errandhq/errand/agent/internal/cgroup"
	"github.com/errandhq/errand/agent/internal/output"
	"github.com/errandhq/errand/agent/internal/spool"
	"github.com/errandhq/errand/internal/process"
)

// attempt is the one that runs.
type attempt struct {
	Run
	supervisor *Supervisor
	dir        attemptdir.Dir
	job        *attemptdir.Job
	deadline   *deadline
	spool      *spool.Spool
	group      *cgroup.Group         // nil: none
	outputs    []*[2]*output.Capture // of each command: stdout, stderr
	times      attemptdir.Times

	ctx    context.Context // ends when the commands must end; its cause says why
	cancel context.CancelCauseFunc
}

func newAttempt(s *Supervisor, r Run) *attempt {
	a := &attempt{Run: r, supervisor: s, dir: attemptdir.Dir(r.Attempt)}
	a.ctx, a.cancel = context.WithCancelCause(context.Background())
	a.deadline = &deadline{clock: s.clock, kill: func() { a.cancel(errLease) }, ask: s.ask}
	a.deadline.set(r.Lease)
	return a
}

// run runs the commands and writes the outcome to disk.
func (a *attempt) run() {
	defer a.cancel(nil)
	out := &attemptdir.Outcome{Result: errand.Result{Commands: []errand.CommandResult{}}}
	err := a.open()
	if err == nil {
		err = a.runCommands(&out.Result)
	}
	a.deadline.stop()
	if len(a.TraceParents) > 0 {
		a.times.Ended = a.supervisor.clock.Now()
		out.Times = &a.times
	}
	out.Reason, out.Error = reason(err, a.timeout())
	a.closeGroup()
	a.collectArtifacts(out)
	a.packCaches(out)
	if err := a.save(out); err != nil {
		a.supervisor.update(func(s *Status) { s.Unsaved = err.Error() })
	}
	a.supervisor.ended(out)
}

// save closes the log, which Windows would not remove while it is open, and writes the
// outcome to disk. The agent makes both durable unless it can report them at once.
func (a *attempt) save(out *attemptdir.Outcome) error {
	if a.spool != nil {
		out.End, out.Result.Log = a.spool.End(), a.spool.Log()
		a.spool.Close()
	}
	return a.dir.WriteOutcome(out)
}

func (a *attempt) timeout() time.Duration { return time.Duration(a.job.TimeoutSeconds) * time.Second }

func (a *attempt) open() (err error) {
	if a.job, err = a.dir.Job(); err != nil {
		a.job = &attemptdir.Job{}
		return err
	}
	if a.spool, err = a.dir.BeginLog(a.supervisor.clock.Now); err != nil {
		return err
	}
	if a.Cgroups == "" {
		return nil
	}
	if a.group, err = a.Cgroups.Create(a.Cgroup, a.Limits); err != nil {
		return fmt.Errorf("create the job's control group: %w", err)
	}
	return nil
}

// closeGroup ends what the commands left in the control group.
func (a *attempt) closeGroup() {
	if a.group == nil {
		return
	}
	if err := a.group.Close(); err != nil {
		a.supervisor.update(func(s *Status) { s.Left = err.Error() })
	}
}

// cgroupDir is the directory of the control group; nil: none.
func (a *attempt) cgroupDir() *os.File {
	if a.group == nil {
		return nil
	}
	return a.group.Dir()
}

// memoryError is the error of a job that used more memory than its limit.
type memoryError struct{ limit int64 }

func (e *memoryError) Error() string {
	return "killed: the job used more than its " + errand.FormatMemory(e.limit) + " of memory"
}

// outOfMemory returns err, or that the job was killed because of its limit of memory.
func (a *attempt) outOfMemory(err error) error {
	if err == nil && a.group != nil && a.Limits.Memory > 0 && a.group.OutOfMemory() {
		return &memoryError{a.Limits.Memory}
	}
	return err
}

// runCommands runs the job's commands and records in r how they ended. The error is
// Sequence.Run's.
func (a *attempt) runCommands(r *errand.Result) error {
	stop := a.watchLog()
	defer stop()
	start := a.supervisor.clock.Now()
	s := process.Sequence{
		Commands: a.job.Commands, Shell: a.job.Shell, Dir: a.dir.Work(), Env: a.Env, EnvOf: a.envOf, ContinueOnError: a.job.ContinueOnError,
		Timeout: a.Timeout, Grace: a.grace, PipeWait: a.PipeWait, Clock: a.supervisor.clock,
		Terminal: a.job.Terminal, Console: a.Console, Cgroup: a.cgroupDir(), Before: a.begin, After: a.logExit, Output: a.output, OnLeft: a.logLeft,
	}
	steps, err := s.Run(a.ctx)
	for i, st := range steps {
		if i < len(a.outputs) {
			r.Commands = append(r.Commands, errand.CommandResult{
				ExitCode: st.Code, Signal: st.Signal, DurationMs: st.Duration.Milliseconds(),
				Stdout: a.outputs[i][0].Output(), Stderr: a.outputs[i][1].Output(),
			})
		}
		if st.Code != 0 && r.ExitCode == 0 {
			r.ExitCode, r.Signal = st.Code, st.Signal
		}
	}
	r.DurationMs = a.supervisor.clock.Now().Sub(start).Milliseconds()
	process.KillStray(a.ownVariables()...)
	err = a.outOfMemory(err)
	a.logEnd(len(steps)-1, err)
	return err
}

// ownVariables tell which attempt a process belongs to.
func (a *attempt) ownVariables() []string {
	var own []string
	for _, v := range a.Env {
		if strings.HasPrefix(v, "ERRAND_JOB_ID=") || strings.HasPrefix(v, "ERRAND_ATTEMPT=") || strings.HasPrefix(v, "ERRAND_WORKER_ID=") {
			own = append(own, v)
		}
	}
	return own
}

// envOf is the environment of a command: each is a span of its own.
func (a *attempt) envOf(command int) []string {
	if command == 0 || command >= len(a.TraceParents) {
		return a.Env
	}
	i := slices.Index(a.Env, errand.EnvTraceParent+"="+a.TraceParents[0])
	if i < 0 { // the job has its own
		return a.Env
	}
	env := slices.Clone(a.Env)
	env[i] = errand.EnvTraceParent + "=" + a.TraceParents[command]
	return env
}

// begin begins the output of a command.
func (a *attempt) begin(command int) error {
	a.times.Begun = append(a.times.Begun, a.supervisor.clock.Now())
	a.outputs = append(a.outputs, &[2]*output.Capture{output.New(), output.New()})
	return a.spool.Write(errand.System, command, []byte("$ "+a.job.Commands[command].String()+"\n"))
}

// logExit says how a command ended in the log of a job that goes on after a failure: what
// follows doesn't show it.
func (a *attempt) logExit(command int, st process.Step) {
	if !a.job.ContinueOnError || len(a.job.Commands) == 1 || a.ctx.Err() != nil {
		return
	}
	line := fmt.Sprintf("exit code %d", st.Code)
	if st.Signal != "" {
		line += " (" + st.Signal + ")"
	}
	a.say(command, line)
}

func (a *attempt) output(command int, stream errand.Stream) io.Writer {
	c := a.outputs[command][0]
	if stream == errand.Stderr {
		c = a.outputs[command][1]
	}
	return io.MultiWriter(a.spool.Writer(stream, command), c)
}

// watchLog tells the agent how far the log goes, until stop.
func (a *attempt) watchLog() (stop func()) {
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-a.spool.Grown():
				a.supervisor.update(func(s *Status) { s.Log = a.spool.End() })
			case <-done:
				return
			}
		}
	}()
	return func() {
		close(done)
		<-stopped
	}
}

// grace returns how long the commands have to end: not at all if another worker may
// be about to run them.
func (a *attempt) grace(cause error) time.Duration {
	var end *endError
	if errors.Is(cause, errLease) || errors.As(cause, &end) && end.Kill {
		return 0
	}
	return a.Grace
}

// logLeft says in the log which processes are about to be ended.
func (a *attempt) logLeft(names []string) {
	const shown = 5
	text := strings.Join(names[:min(len(names), shown)], ", ")
	if len(names) > shown {
		text += ", …"
	}
	what := "a process that outlives"
	if len(names) > 1 {
		what = fmt.Sprintf("%d processes that outlive", len(names))
	}
	a.say(len(a.outputs)-1, fmt.Sprintf("ending %s the commands: %s", what, text))
}

// logEnd writes why the commands ended, if they don't say it themselves, as the log's
// last line.
func (a *attempt) logEnd(command int, err error) {
	var start *process.StartError
	var end *endError
	switch {
	case errors.Is(err, process.ErrTimeout):
		a.say(command, fmt.Sprintf("timed out after %v", a.timeout()))
	case errors.Is(err, errLease), errors.As(err, &start), errors.As(err, new(*memoryError)), errors.As(err, &end) && end.Reason != "":
		a.say(command, err.Error())
	}
}

// say writes a line of the supervisor's own into the log. A failure to write it is
// ignored: what follows it fails, too.
func (a *attempt) say(command int, line string) {
	_ = a.spool.Write(errand.System, command, []byte("errand: "+line+"\n"))
}

// reason returns what err means for the job.
func reason(err error, timeout time.Duration) (errand.Reason, string) {
	var start *process.StartError
	var end *endError
	switch {
	case err == nil:
		return "", ""
	case errors.Is(err, errLease):
		return errand.ReasonLost, err.Error()
	case errors.As(err, &end):
		return end.Reason, end.End.Error
	case errors.Is(err, process.ErrTimeout):
		return errand.ReasonTimedOut, fmt.Sprintf("the job ran longer than its timeout of %v", timeout)
	case errors.As(err, &start):
		return errand.ReasonStartFailed, err.Error()
	case errors.As(err, new(*memoryError)):
		return errand.ReasonOutOfMemory, err.Error()
	}
	return errand.ReasonAgentError, err.Error()
}
