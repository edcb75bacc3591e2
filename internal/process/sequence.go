package process

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/errandhq/errand"
)

// ErrTimeout is the cause of a sequence's end when its time was over.
var ErrTimeout = errors.New("the commands ran longer than their timeout")

// A Sequence is a job's commands, run one after the other.
type Sequence struct {
	Commands        []errand.Command
	Shell           string // program that runs string commands as SHELL -c; empty: the system's
	Dir             string
	Env             []string
	ContinueOnError bool
	Timeout         time.Duration // for all commands together; 0: none
	Grace           func(cause error) time.Duration
	PipeWait        time.Duration

	// Output gives the writer of a command's stream.
	Output func(command int, s errand.Stream) io.Writer
	// Before and After are called around each command; nil is fine. An error
	// of Before ends the sequence.
	Before func(command int) error
	After  func(command int, s Step)

	// Now and AfterFunc are the time that Timeout and durations are measured
	// in; nil: the machine's.
	Now       func() time.Time
	AfterFunc func(d time.Duration, f func()) (stop func() bool)
}

// A Step is one command's end.
type Step struct {
	Exit
	Duration time.Duration
}

// Run runs the commands to their end: the first that fails is the last, unless
// ContinueOnError. It returns those that ran, and of those that couldn't be
// started the exit code -1.
//
// Errors: ErrTimeout; the cause of ctx's end; *StartError of the first command
// that couldn't be started (with ContinueOnError the others were run);
// *OutputError. A command's exit code is not an error.
func (s *Sequence) Run(ctx context.Context) ([]Step, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if s.Timeout > 0 {
		defer s.afterFunc(s.Timeout, func() { cancel(ErrTimeout) })()
	}
	var steps []Step
	var notStarted error
	for i := range s.Commands {
		if ctx.Err() != nil {
			return steps, context.Cause(ctx)
		}
		step, err := s.step(ctx, i)
		steps = append(steps, step)
		if s.After != nil {
			s.After(i, step)
		}
		var start *StartError
		switch {
		case errors.As(err, &start):
			if notStarted == nil {
				notStarted = err
			}
		case err != nil:
			return steps, err
		}
		if step.Code != 0 && !s.ContinueOnError {
			break
		}
	}
	return steps, notStarted
}

func (s *Sequence) step(ctx context.Context, i int) (Step, error) {
	if s.Before != nil {
		if err := s.Before(i); err != nil {
			return Step{Exit: Exit{Code: -1}}, &OutputError{err}
		}
	}
	p := s.program(s.Commands[i])
	p.Stdout, p.Stderr = s.Output(i, errand.Stdout), s.Output(i, errand.Stderr)
	start := s.now()
	exit, err := p.Run(ctx)
	return Step{Exit: exit, Duration: s.now().Sub(start)}, err
}

// program is what a command runs.
func (s *Sequence) program(c errand.Command) Program {
	var p Program
	switch {
	case c.Argv != nil:
		p = Program{Argv: c.Argv}
	case s.Shell != "":
		p = Program{Argv: []string{s.Shell, "-c", c.Shell}}
	default:
		p = defaultShell(c.Shell)
	}
	p.Dir, p.Env, p.Grace, p.PipeWait = s.Dir, s.Env, s.Grace, s.PipeWait
	return p
}

func (s *Sequence) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

func (s *Sequence) afterFunc(d time.Duration, f func()) (stop func()) {
	after := s.AfterFunc
	if after == nil {
		after = func(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop }
	}
	cancel := after(d, f)
	return func() { cancel() }
}
