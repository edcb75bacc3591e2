package lambda

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// instance is one process of a function with a Runtime API of its own.
type instance struct {
	service *Service
	fn      *function
	home    string // removed with the process

	calls  chan *invocation // to the process's next request for work
	ready  chan struct{}    // closed at its first request for work
	exited chan struct{}    // closed when process, group and Runtime API are gone

	keep func() bool // stops the timer that ends the idle process; under processes.mu

	exitErr error  // set before exited is closed
	initErr Result // set before failedInit is closed

	mu         sync.Mutex
	group      *group // nil once it is gone
	failedInit chan struct{}
	served     int         // number of requests for work
	current    *invocation // handed out, and without a result yet
}

// startInstance starts a process. It doesn't wait for it to be ready.
func startInstance(s *Service, f *function) (_ *instance, err error) {
	in := &instance{
		service: s, fn: f,
		calls: make(chan *invocation), ready: make(chan struct{}), exited: make(chan struct{}), failedInit: make(chan struct{}),
	}
	if in.home, err = s.newHome(); err != nil {
		return nil, fmt.Errorf("create its directory: %w", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen for its requests: %w", err), os.RemoveAll(in.home))
	}
	cmd, output, err := in.command(l.Addr().String())
	if err == nil {
		in.group, err = s.launcher.start(cmd, f.Code.OneShot)
	}
	if err != nil {
		output.close()
		return nil, errors.Join(err, l.Close(), os.RemoveAll(in.home))
	}
	output.started()
	server := &http.Server{Handler: in.runtimeAPI(), ReadHeaderTimeout: initTimeout}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(l) // returns only after Close
	}()
	go func() {
		in.reap(cmd, output)
		_ = server.Close()
		<-served
		close(in.exited)
	}()
	return in, nil
}

// newHome creates a home directory for a process.
func (s *Service) newHome() (string, error) {
	if s.HomeDir != "" {
		if err := os.MkdirAll(s.HomeDir, 0o700); err != nil {
			return "", err
		}
	}
	return os.MkdirTemp(s.HomeDir, "lambda-")
}

// command builds the process's command, with its output going to the log.
func (in *instance) command(address string) (*exec.Cmd, *output, error) {
	src := in.fn.Code
	dir := src.Dir
	if dir == "" {
		dir = filepath.Dir(src.Command[0])
	}
	cmd := exec.Command(src.Command[0], src.Command[1:]...)
	cmd.Dir = dir
	cmd.Env = in.service.processEnvironment(in.fn, address, in.home, dir)
	out, err := newOutput(func(line string) { in.service.Logf("lambda: %s: %s", in.fn.Name, line) })
	if err != nil {
		return nil, out, err
	}
	cmd.Stdout, cmd.Stderr = out.w, out.w
	return cmd, out, nil
}

// reap waits for the process to exit and then kills the rest of its group.
func (in *instance) reap(cmd *exec.Cmd, out *output) {
	in.exitErr = cmd.Wait()
	in.mu.Lock()
	in.group.kill()
	in.group.release()
	in.group = nil
	in.mu.Unlock()
	out.close()
	if err := os.RemoveAll(in.home); err != nil {
		in.service.Logf("lambda: %s: remove %s: %s", in.fn.Name, in.home, err)
	}
}

// kill ends the process and all it started. It doesn't wait.
func (in *instance) kill() {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.group != nil {
		in.group.kill()
	}
}

// freeze stops the process group between invocations, as Lambda does: what runs in
// the background stops too.
func (in *instance) freeze() {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.group != nil {
		in.group.freeze()
	}
}

func (in *instance) thaw() {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.group != nil {
		in.group.thaw()
	}
}

func (in *instance) dead() bool {
	select {
	case <-in.exited:
		return true
	default:
		return false
	}
}

// waitExit waits exitGrace for a one-shot process to exit, and then kills it.
func (in *instance) waitExit() {
	grace := time.NewTimer(exitGrace)
	defer grace.Stop()
	select {
	case <-in.exited:
		return
	case <-grace.C:
	case <-in.service.ctx.Done():
	}
	in.kill()
	<-in.exited
}

// end says how serving an invocation ended.
type end int

const (
	answered   end = iota // the process can serve another
	broken                // it exits, or has exited
	neverTaken            // it exited before it took the invocation
)

// serve hands c to the process and waits for the result.
func (in *instance) serve(ctx context.Context, c *invocation) (Result, end) {
	if r, ok := in.waitReady(ctx, c); !ok {
		return r, broken
	}
	deadline := time.NewTimer(in.fn.Timeout)
	defer deadline.Stop()
	calls := in.calls
	for {
		select {
		case calls <- c:
			calls = nil
			continue
		case r := <-c.done:
			return r, answered
		case <-in.exited:
			if calls != nil {
				return in.crashed(c), neverTaken
			}
			return in.crashed(c), broken
		case <-deadline.C:
			in.kill()
			return timedOut(c, in.fn.Timeout), broken
		case <-c.abandoned:
			in.kill() // it must not take a job, for example, that nobody would learn of
			return platformFailure(c, "Sandbox.Killed", "%s", errAbandoned), broken
		case <-ctx.Done():
			in.kill()
			return platformFailure(c, "Sandbox.Killed", "%s", context.Cause(ctx)), broken
		}
	}
}

// waitReady waits until a new process asks for work. A warm one already has.
func (in *instance) waitReady(ctx context.Context, c *invocation) (Result, bool) {
	limit := time.NewTimer(initTimeout)
	defer limit.Stop()
	select {
	case <-in.ready:
		return Result{}, true
	case <-in.failedInit:
		return in.initErr, false
	case <-in.exited:
		return in.crashed(c), false
	case <-limit.C:
		in.kill()
		return platformFailure(c, "Sandbox.Timedout", "the init phase timed out after %.2f seconds", initTimeout.Seconds()), false
	case <-c.abandoned:
		in.kill()
		return platformFailure(c, "Sandbox.Killed", "%s", errAbandoned), false
	case <-ctx.Done():
		in.kill()
		return platformFailure(c, "Sandbox.Killed", "%s", context.Cause(ctx)), false
	}
}

// crashed returns the result of an invocation whose process exited: the one that it
// sent before, if any.
func (in *instance) crashed(c *invocation) Result {
	select {
	case r := <-c.done:
		return r
	case <-in.failedInit:
		return in.initErr
	default:
	}
	if in.exitErr == nil {
		return platformFailure(c, "Runtime.ExitError", "Runtime exited without providing a reason")
	}
	return platformFailure(c, "Runtime.ExitError", "Runtime exited with error: %s", in.exitErr)
}
