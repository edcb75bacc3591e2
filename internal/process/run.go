package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/errandhq/errand"
)

// Defaults of Program.
const (
	DefaultGrace    = 10 * time.Second
	DefaultPipeWait = 2 * time.Second
)

// A Program is one program to run.
type Program struct {
	Argv   []string  // the program, looked up in the PATH of Env, and its arguments
	Dir    string    // absolute
	Env    []string  // all of its environment, as NAME=value
	Stdout io.Writer // Stdout and Stderr are written by one goroutine each, until Run returns
	Stderr io.Writer
	// Grace returns the time between terminating and killing the process group,
	// given the cause of the context's end; default: DefaultGrace.
	Grace func(cause error) time.Duration
	// PipeWait is how long processes that outlive the program may keep writing
	// to its pipes before they are killed; default: DefaultPipeWait.
	PipeWait time.Duration
	terminal *errand.Terminal
	console  []string // Sequence.Console
	cgroup   *os.File
	onEnd    func(grace time.Duration) // called when the program is to be ended
	// commandLine is the raw command line on Windows, if it isn't built from Argv.
	commandLine string //nolint:unused // on other systems
}

// Exit is how a program ended.
type Exit struct {
	Code   int    // 128+n if signal n ended the program
	Signal string // such as "killed"; empty if the program exited
}

// StartError means that the program could not be started: it doesn't exist, isn't
// executable, or the directory is missing.
type StartError struct {
	Program string
	Err     error
}

func (e *StartError) Error() string { return fmt.Sprintf("could not start %s: %v", e.Program, e.Err) }
func (e *StartError) Unwrap() error { return e.Err }

// OutputError means that the program's output could not be written.
type OutputError struct{ Err error }

func (e *OutputError) Error() string { return "could not write the output: " + e.Err.Error() }
func (e *OutputError) Unwrap() error { return e.Err }

// Run runs the program to its end. If ctx ends first, Run terminates the process
// group and, after the grace, kills it. When Run returns, nothing of the group is
// left and nothing more is written to Stdout and Stderr.
//
// The Exit is valid with an error, too. Errors: *StartError; *OutputError; the
// cause of ctx's end, if that ended the program.
func (p Program) Run(ctx context.Context) (Exit, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	exit, left, err := p.lead(ctx, cancel)
	if left == nil {
		return exit, err
	}
	left.pipes.wait(p.pipeWait())
	left.group.kill()
	return exit, errors.Join(err, left.close())
}

// leftover is what may be left of a program whose leader has ended: its group and
// who holds its pipes.
type leftover struct {
	group *group
	pipes *pipes
}

// close ends the copying of output. The group must have ended. Errors:
// *OutputError.
func (l *leftover) close() error {
	l.group.close()
	l.pipes.abort()
	if err := l.pipes.err(); err != nil {
		return &OutputError{err}
	}
	return nil
}

func (p Program) name() string {
	if len(p.Argv) == 0 {
		return "the command"
	}
	return p.Argv[0]
}

// lead runs the program until its leader has ended. It returns what may be left of
// it then, or nil if nothing started. If ctx ends first, it ends the whole group. A
// writer that fails ends the program by cancel. Errors: as Run's, but *OutputError is
// leftover.close's.
func (p Program) lead(ctx context.Context, cancel context.CancelCauseFunc) (Exit, *leftover, error) {
	if ctx.Err() != nil {
		return Exit{Code: -1}, nil, context.Cause(ctx)
	}
	pipes, err := p.newPipes(cancel)
	if err != nil {
		return Exit{Code: -1}, nil, &StartError{p.name(), err}
	}
	cmd, err := p.start(pipes)
	pipes.closeWriters()
	if err != nil {
		pipes.abort()
		return Exit{Code: -1}, nil, &StartError{p.name(), err}
	}
	g, err := newGroup(cmd, pipes.console)
	if err != nil {
		pipes.abort()
		return Exit{Code: -1}, nil, &StartError{p.name(), err}
	}
	l := &leftover{g, pipes}
	err = p.await(ctx, l)
	l.group.reap()
	return l.group.exit(), l, err
}

// await waits for the leader's end. If ctx ends first, it ends the group and returns
// the cause.
func (p Program) await(ctx context.Context, l *leftover) error {
	ended := make(chan struct{})
	go func() {
		l.group.waitLeader()
		close(ended)
	}()
	select {
	case <-ended:
		l.pipes.settle()
		return nil
	case <-ctx.Done():
	}
	cause := context.Cause(ctx)
	p.end(cause, l.group, ended, l.pipes.done)
	l.pipes.wait(p.pipeWait())
	l.group.kill() // the leader still holds the group's ID
	if errors.As(cause, new(*OutputError)) {
		return nil // close returns it
	}
	return cause
}

// end terminates the group and, after the grace, kills it. The group has ended when
// its leader has and nothing holds the pipes: a shell exits at once, but its
// children get the grace, too. A group that nothing can ask to end gets no grace.
func (p Program) end(cause error, g *group, leaderEnded, pipesClosed <-chan struct{}) {
	grace := DefaultGrace
	if p.Grace != nil {
		grace = p.Grace(cause)
	}
	if p.onEnd != nil {
		p.onEnd(grace)
	}
	if grace > 0 && g.terminate() {
		t := time.NewTimer(grace)
		defer t.Stop()
		if closedBefore(t.C, leaderEnded) && closedBefore(t.C, pipesClosed) {
			return
		}
	}
	g.kill()
	<-leaderEnded
}

// closedBefore waits for c, and reports whether it was closed before the limit.
func closedBefore(limit <-chan time.Time, c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	case <-limit:
		return false
	}
}

func (p Program) pipeWait() time.Duration {
	if p.PipeWait > 0 {
		return p.PipeWait
	}
	return DefaultPipeWait
}

// maxStarts limits how often a start that failed with a transient error is tried.
const maxStarts = 20

func (p Program) start(pipes *pipes) (*exec.Cmd, error) {
	if len(p.Argv) == 0 {
		return nil, errors.New("it is empty")
	}
	path, err := lookPath(p.Argv[0], p.Dir, p.Env)
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		cmd := &exec.Cmd{Path: path, Args: p.Argv, Dir: p.Dir, Env: p.Env, Stdout: pipes.w[0], Stderr: pipes.w[1]}
		p.prepare(cmd)
		err := startLeader(pipes.console, cmd)
		if err == nil || try == maxStarts || !isTransient(err) {
			return cmd, unwrapPath(err)
		}
		time.Sleep(time.Duration(try) * time.Millisecond)
	}
}

// unwrapPath drops the operation and the path, which StartError already has.
func unwrapPath(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
