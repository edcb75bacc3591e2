package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// The defaults of Program.
const (
	DefaultGrace    = 10 * time.Second
	DefaultPipeWait = 2 * time.Second
)

// A Program is one program to run.
type Program struct {
	Argv   []string  // the program, looked up in the PATH of Env, and its arguments
	Dir    string    // absolute
	Env    []string  // all of its environment, as NAME=value
	Stdout io.Writer // written to by one goroutine each, until Run returns
	Stderr io.Writer
	// Grace is how long the process group has between being asked to end and
	// being killed, by the cause of the context's end; nil: DefaultGrace.
	Grace func(cause error) time.Duration
	// PipeWait is how long processes that outlive the program may go on
	// writing to its pipes before they are killed; 0: DefaultPipeWait.
	PipeWait time.Duration
	// commandLine is the raw command line on Windows, where it isn't Argv's.
	commandLine string //nolint:unused // on other systems
}

// Exit is how a program ended.
type Exit struct {
	Code   int    // 128+n if signal n ended it
	Signal string // "killed", "terminated"; empty if it exited
}

// StartError says that a program could not be started: there is none of that
// name, it isn't executable, the directory is gone.
type StartError struct {
	Program string
	Err     error
}

func (e *StartError) Error() string { return fmt.Sprintf("start %s: %v", e.Program, e.Err) }
func (e *StartError) Unwrap() error { return e.Err }

// OutputError says that what a program wrote could not be kept.
type OutputError struct{ Err error }

func (e *OutputError) Error() string { return "keep the output: " + e.Err.Error() }
func (e *OutputError) Unwrap() error { return e.Err }

// Run runs p to its end. When ctx ends first, the process group is asked to
// end and, after the grace, killed. When Run returns, nothing of the group is
// left and nothing more is written to Stdout and Stderr.
//
// The exit is how the program ended, also beside an error. Errors: *StartError;
// *OutputError; the cause of ctx's end, if that ended the program.
func (p Program) Run(ctx context.Context) (Exit, error) {
	if ctx.Err() != nil {
		return Exit{Code: -1}, context.Cause(ctx)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	pipes, err := newPipes(p.Stdout, p.Stderr, cancel)
	if err != nil {
		return Exit{Code: -1}, &StartError{p.name(), err}
	}
	cmd, err := p.start(pipes)
	pipes.closeWriters()
	if err != nil {
		pipes.abort()
		return Exit{Code: -1}, &StartError{p.name(), err}
	}
	g := newGroup(cmd)
	err = p.supervise(ctx, g, pipes)
	return g.exit(), err
}

func (p Program) name() string {
	if len(p.Argv) == 0 {
		return "nothing"
	}
	return p.Argv[0]
}

// supervise waits for the program's end, brings it about when ctx ends, and
// clears up behind it.
func (p Program) supervise(ctx context.Context, g *group, pipes *pipes) error {
	ended := make(chan struct{})
	go func() {
		g.waitLeader()
		close(ended)
	}()
	var cause error
	select {
	case <-ended:
	case <-ctx.Done():
		cause = context.Cause(ctx)
		p.end(cause, g, ended, pipes.done)
	}
	pipes.wait(p.pipeWait())
	g.kill() // what outlived the program; its leader still holds the group's ID
	g.reap()
	pipes.abort() // a process that left the group may hold them for ever
	if err := pipes.err(); err != nil {
		return &OutputError{err}
	}
	return cause
}

// end asks the group to end, and kills it after the grace. It has ended when its
// leader has and nothing holds the pipes any more: a shell is gone at once, and
// what it ran has the grace all the same.
func (p Program) end(cause error, g *group, ended, silent <-chan struct{}) {
	grace := DefaultGrace
	if p.Grace != nil {
		grace = p.Grace(cause)
	}
	if grace > 0 {
		g.terminate()
		t := time.NewTimer(grace)
		defer t.Stop()
		if before(t.C, ended) && before(t.C, silent) {
			return
		}
	}
	g.kill()
	<-ended
}

// before waits for c, and reports whether it was closed before the limit.
func before(limit <-chan time.Time, c <-chan struct{}) bool {
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

// startTries bounds how often a start is tried again that failed for a reason
// which passes by itself.
const startTries = 20

func (p Program) start(pipes *pipes) (*exec.Cmd, error) {
	if len(p.Argv) == 0 {
		return nil, errors.New("the command is empty")
	}
	path, err := lookPath(p.Argv[0], p.Dir, p.Env)
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		cmd := &exec.Cmd{Path: path, Args: p.Argv, Dir: p.Dir, Env: p.Env, Stdout: pipes.w[0], Stderr: pipes.w[1]}
		p.prepare(cmd)
		err := cmd.Start()
		if err == nil || try == startTries || !passing(err) {
			return cmd, unwrapPath(err)
		}
		time.Sleep(time.Duration(try) * time.Millisecond)
	}
}

// unwrapPath drops the operation and path that a StartError names already.
func unwrapPath(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// pipes carry the two streams of a program to their writers.
type pipes struct {
	r, w [2]*os.File
	done chan struct{} // both are read to their end
	mu   sync.Mutex
	bad  error
}

// newPipes starts to copy. The first writer that fails ends the program by
// cancel; from then on output is read and dropped, so that it can end.
func newPipes(stdout, stderr io.Writer, cancel context.CancelCauseFunc) (*pipes, error) {
	p := &pipes{done: make(chan struct{})}
	for i := range p.r {
		var err error
		if p.r[i], p.w[i], err = os.Pipe(); err != nil {
			for j := range i {
				p.r[j].Close()
				p.w[j].Close()
			}
			return nil, err
		}
	}
	var wg sync.WaitGroup
	for i, w := range []io.Writer{stdout, stderr} {
		wg.Go(func() {
			if err := copyAll(w, p.r[i]); err != nil {
				p.fail(err)
				cancel(&OutputError{err})
				_, _ = io.Copy(io.Discard, p.r[i])
			}
		})
	}
	go func() {
		wg.Wait()
		close(p.done)
	}()
	return p, nil
}

// copyAll copies what r has as soon as it has it. Only w's errors count: a
// pipe that can't be read any more is at its end.
func copyAll(w io.Writer, r io.Reader) error {
	if w == nil {
		w = io.Discard
	}
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if _, werr := w.Write(buf[:n]); werr != nil {
				return werr
			}
		}
		if err != nil {
			return nil //nolint:nilerr // see above
		}
	}
}

func (p *pipes) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bad == nil {
		p.bad = err
	}
}

func (p *pipes) err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bad
}

// closeWriters closes our copies of the ends that the program writes to.
func (p *pipes) closeWriters() {
	for _, f := range p.w {
		f.Close()
	}
}

// wait waits until both streams are at their end, at most for d.
func (p *pipes) wait(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-p.done:
	case <-t.C:
	}
}

// killedWait is how long the pipes may take to empty once all that is known to
// write to them is dead.
const killedWait = 250 * time.Millisecond

// abort ends the copying, whoever holds the other ends.
func (p *pipes) abort() {
	p.wait(killedWait)
	for _, f := range p.r {
		f.Close()
	}
	<-p.done
}
