package process

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/clock"
)

// ErrTimeout: the sequence's Timeout has passed.
var ErrTimeout = errors.New("the job ran longer than its timeout")

// A Sequence runs a job's commands one after the other. A process that outlives its
// command, such as a server that later commands use, runs on until the last command
// has ended, and is then ended. A Sequence is run once.
type Sequence struct {
	Commands []errand.Command
	Shell    string // runs string commands, as SHELL -c COMMAND; default: the system's
	Dir      string
	Env      []string
	// EnvOf, if not nil, returns the environment of a command, instead of Env.
	EnvOf           func(command int) []string
	ContinueOnError bool
	// Terminal, if not nil, is the size of a pseudo-terminal for each command, where the
	// system has them. Then all output is on errand.Stdout.
	Terminal *errand.Terminal
	// Console is, for a Terminal on Windows, a program and arguments that call RunOnConsole
	// with the two arguments that follow.
	Console []string
	// Cgroup, if not nil, is the directory of the control group for all commands, on
	// Linux.
	Cgroup   *os.File
	Timeout  time.Duration // of all commands together; 0: none
	Grace    func(cause error) time.Duration
	PipeWait time.Duration

	// Output returns the writer for a stream of a command. A process that outlives its
	// command writes to it while later commands run.
	Output func(command int, s errand.Stream) io.Writer
	// Before and After, if not nil, are called before and after each command.
	// An error of Before ends the sequence.
	Before func(command int) error
	After  func(command int, s Step)
	// OnLeft, if not nil, is called with the names of the processes that outlive the
	// last command, before they are ended.
	OnLeft func(names []string)

	Clock clock.Clock // measures Timeout and durations; default: the machine's

	left left
}

// A Step is how one command ended.
type Step struct {
	Exit
	Duration time.Duration
}

// Run runs the commands in order. Unless ContinueOnError is set, it stops after
// the first that fails. It returns a step for each command that it ran or failed
// to start; the latter have exit code -1.
//
// Errors: ErrTimeout; the cause of ctx's end; *StartError of the first command
// that could not be started (with ContinueOnError the others were run);
// *OutputError. An exit code other than 0 is not an error.
func (s *Sequence) Run(ctx context.Context) ([]Step, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if s.Timeout > 0 {
		stop := s.clock().AfterFunc(s.Timeout, func() { cancel(ErrTimeout) })
		defer stop()
	}
	steps, err := s.runCommands(ctx, cancel)
	if endErr := s.endLeft(ctx); endErr != nil {
		err = endErr
	}
	return steps, err
}

func (s *Sequence) runCommands(ctx context.Context, cancel context.CancelCauseFunc) ([]Step, error) {
	var steps []Step
	var notStarted error
	for i := range s.Commands {
		if ctx.Err() != nil {
			return steps, context.Cause(ctx)
		}
		step, err := s.step(ctx, cancel, i)
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

func (s *Sequence) step(ctx context.Context, cancel context.CancelCauseFunc, i int) (Step, error) {
	if s.Before != nil {
		if err := s.Before(i); err != nil {
			return Step{Exit: Exit{Code: -1}}, &OutputError{err}
		}
	}
	p := s.program(s.Commands[i])
	if s.EnvOf != nil {
		p.Env = s.EnvOf(i)
	}
	p.Stdout, p.Stderr = s.Output(i, errand.Stdout), s.Output(i, errand.Stderr)
	start := s.clock().Now()
	p.onEnd = s.left.terminate
	exit, left, err := p.lead(ctx, cancel)
	s.left.add(left)
	return Step{Exit: exit, Duration: s.clock().Now().Sub(start)}, err
}

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
	p.Dir, p.Env, p.Grace, p.PipeWait, p.terminal, p.console, p.cgroup = s.Dir, s.Env, s.Grace, s.PipeWait, s.Terminal, s.Console, s.Cgroup
	return p
}

// grace is how long processes have to end.
func (s *Sequence) grace(cause error) time.Duration {
	if s.Grace != nil {
		return s.Grace(cause)
	}
	return DefaultGrace
}

func (s *Sequence) clock() clock.Clock {
	if s.Clock != nil {
		return s.Clock
	}
	return clock.Real()
}
