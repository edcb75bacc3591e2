package agent

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/errandhq/errand/agent/internal/identity"
)

// ErrSuperseded: another process runs as this worker, from a copy of the data
// directory; it registered later, so this one must stop.
var ErrSuperseded = errors.New("another agent runs with a copy of this data directory; give each agent its own")

// errStopped is the cause of the jobs' end after Cancel.
var errStopped = errors.New("the worker was told to stop")

// An Agent is one worker process. Use New.
type Agent struct {
	Config
	session session
	pulse   pulse
	bell    bell
	disk    disk
	slots   chan struct{} // holds a value for each job that runs

	draining, stopping chan struct{} // closed by Drain and Cancel
	drainOnce          sync.Once
	stopOnce           sync.Once

	mu       sync.Mutex
	attempts map[attemptKey]*attempt
	running  sync.WaitGroup // the attempts' goroutines
	fail     context.CancelCauseFunc
}

// attemptKey names an attempt.
type attemptKey struct {
	jobID   string
	attempt int
}

// New returns an agent. It touches nothing before Run.
func New(c Config) (*Agent, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(c.DataDir)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	c.DataDir = dir
	return &Agent{
		Config: c, slots: make(chan struct{}, c.Slots), pulse: newPulse(),
		draining: make(chan struct{}), stopping: make(chan struct{}),
		attempts: map[attemptKey]*attempt{},
	}, nil
}

// Drain makes the agent take no more work; Run returns when what it has is
// finished and reported. It may be called at any time, again and again.
func (a *Agent) Drain() {
	a.drainOnce.Do(func() {
		a.Log.Info("draining: finishing what runs, taking no more")
		close(a.draining)
		a.pulse.kick()
	})
}

// Cancel ends the running jobs too, reports them as stopped, and makes Run
// return. What can't be reported within StopTimeout is at the next start.
func (a *Agent) Cancel() {
	a.Drain()
	a.stopOnce.Do(func() { close(a.stopping) })
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Run works until Drain or Cancel, or until the server refuses the worker. The
// end of ctx is a Cancel. It is called once.
//
// Errors: ErrSuperseded; identity.ErrInUse; what the server said where it
// refused the token; nil after Drain and Cancel; the cause of ctx's end.
func (a *Agent) Run(ctx context.Context) error {
	id, err := identity.Open(a.DataDir)
	if err != nil {
		return err
	}
	defer id.Close()
	base, fail := context.WithCancelCause(context.WithoutCancel(ctx))
	defer fail(nil)
	a.fail = fail
	defer context.AfterFunc(ctx, a.Cancel)()
	var owned sync.WaitGroup
	owned.Go(func() { a.stopper(base) })
	err = a.run(base, id)
	fail(errDone)
	owned.Wait()
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return err
}

var errDone = errors.New("the agent's work is done")

// stopper carries out Cancel: it ends the jobs, and after StopTimeout all else.
func (a *Agent) stopper(base context.Context) {
	select {
	case <-base.Done():
		return
	case <-a.stopping:
	}
	a.Log.Info("stopping: ending what runs")
	for _, t := range a.held() {
		t.endWork(errStopped)
	}
	limit := time.NewTimer(a.Grace + a.StopTimeout)
	defer limit.Stop()
	select {
	case <-base.Done():
	case <-limit.C:
		a.fail(errStopped)
	}
}

// run registers and works until there is nothing more to do.
func (a *Agent) run(base context.Context, id *identity.Identity) error {
	a.session.init(a, id)
	untilDrain, release := a.untilDrain(base)
	defer release()
	if err := a.session.register(untilDrain); err != nil {
		return a.cause(base, err)
	}
	a.recover(base)
	beats, endBeats := context.WithCancel(base)
	var owned sync.WaitGroup
	owned.Go(func() { a.heartbeats(beats) })
	a.polls(base, untilDrain)
	a.running.Wait()
	if base.Err() == nil && closed(a.draining) {
		a.lastBeat(base)
	}
	endBeats()
	owned.Wait()
	return a.cause(base, nil)
}

// untilDrain is a context that also ends when the agent is drained.
func (a *Agent) untilDrain(base context.Context) (_ context.Context, release func()) {
	ctx, cancel := context.WithCancelCause(base)
	var owned sync.WaitGroup
	owned.Go(func() {
		select {
		case <-a.draining:
			cancel(errDrained)
		case <-ctx.Done():
		}
	})
	return ctx, func() {
		cancel(nil)
		owned.Wait()
	}
}

var errDrained = errors.New("the worker was told to take no more work")

// cause is why the agent ends: nil where it was told to.
func (a *Agent) cause(base context.Context, err error) error {
	if c := context.Cause(base); c != nil {
		err = c
	}
	if errors.Is(err, errStopped) || errors.Is(err, errDrained) {
		return nil
	}
	return err
}

// held is the attempts that the agent has, in no order.
func (a *Agent) held() []*attempt {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := make([]*attempt, 0, len(a.attempts))
	for _, t := range a.attempts {
		all = append(all, t)
	}
	return all
}

// hold takes in an attempt, unless the agent has it already, and runs it. done is called at its end.
func (a *Agent) hold(t *attempt, run func(), done func()) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := attemptKey{t.JobID, t.Attempt}
	if a.attempts[key] != nil {
		return false
	}
	a.attempts[key] = t
	a.running.Go(func() {
		defer done()
		run()
		a.mu.Lock()
		delete(a.attempts, key)
		a.mu.Unlock()
	})
	return true
}
