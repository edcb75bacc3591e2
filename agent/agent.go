package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/attemptdir"
	"github.com/errandhq/errand/agent/internal/cgroup"
	"github.com/errandhq/errand/agent/internal/identity"
	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/internal/source"
)

// ErrSuperseded: another agent with a copy of this data directory registered
// later, so this one must stop.
var ErrSuperseded = errors.New("another agent uses a copy of this data directory; give each agent its own")

// The causes of a context's end.
var (
	errDrained = errors.New("the agent is draining")
	errStopped = errors.New("the agent was stopped")
	errDone    = errors.New("the agent has finished")
)

// An Agent is one worker process. Use New.
type Agent struct {
	Config
	registration registration
	heartbeat    heartbeatState
	bell         bell
	disk         disk
	cgroups      cgroup.Tree // empty: limits can't be enforced
	slots        chan *slot  // the free ones
	outbox       outbox
	packs        *source.Cache

	draining, stopping context.Context // end with Drain and Cancel
	drain, stop        context.CancelFunc
	drainOnce          sync.Once
	stopped            atomic.Bool // all is done: the next heartbeat is the last

	mu       sync.Mutex
	attempts map[attemptKey]*attempt
	running  sync.WaitGroup // the attempts' goroutines
	fail     context.CancelCauseFunc
}

type attemptKey struct {
	jobID   string
	attempt int
}

// New returns an agent. It has no effects before Run.
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
	a := &Agent{Config: c, slots: make(chan *slot, c.Slots), heartbeat: newHeartbeatState(), outbox: newOutbox(), attempts: map[attemptKey]*attempt{}}
	a.draining, a.drain = context.WithCancel(context.Background())
	a.stopping, a.stop = context.WithCancel(context.Background())
	return a, nil
}

// Jobs returns the number of attempts that the agent has: those that run, and those that
// it has still to report.
func (a *Agent) Jobs() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.attempts)
}

// Drain makes the agent take no more jobs. Run returns when the running ones
// have finished and are reported. Drain may be called at any time, repeatedly.
func (a *Agent) Drain() {
	a.drainOnce.Do(func() {
		a.Log.Info("draining: finishing the running jobs, taking no more")
		a.drain()
		a.heartbeat.sendNow()
	})
}

// Cancel drains the agent, ends the running jobs and reports them as stopped.
// The next start reports what this one can't within StopTimeout.
func (a *Agent) Cancel() {
	a.Drain()
	a.stop()
}

// Run runs jobs until Drain or Cancel, or until the server refuses the worker.
// The end of ctx has the effect of Cancel. Run is called once.
//
// Errors: ErrSuperseded; identity.ErrInUse; the server's, if it refused the
// token; the cause of ctx's end; none after Drain and Cancel.
func (a *Agent) Run(ctx context.Context) error {
	id, err := identity.Open(a.DataDir, a.WorkerID)
	if err != nil {
		return err
	}
	defer id.Close()
	if err := a.openCgroups(); err != nil {
		return err
	}
	runCtx, fail := context.WithCancelCause(context.WithoutCancel(ctx))
	defer fail(nil)
	a.fail = fail
	defer context.AfterFunc(ctx, a.Cancel)()
	var owned sync.WaitGroup
	owned.Go(func() { a.awaitCancel(runCtx) })
	err = a.run(runCtx, id)
	fail(errDone)
	owned.Wait()
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return err
}

// openCgroups makes the agent able to enforce limits, where the system lets it. Errors:
// cgroup.ErrUnsupported, if the agent has maxima to enforce.
func (a *Agent) openCgroups() (err error) {
	if len(a.Supervisor) == 0 { // the commands would share this process's group
		err = cgroup.ErrUnsupported
	} else {
		a.cgroups, err = cgroup.Open(os.Getenv)
	}
	switch {
	case err == nil:
		a.Log.Debug("jobs run in control groups", "below", string(a.cgroups))
	case a.MaxLimits != errand.Limits{}:
		return fmt.Errorf("--max-memory, --max-cpus and --max-pids: %w", err)
	default:
		a.cgroups = ""
		a.Log.Debug("taking no jobs with limits", "err", err)
	}
	return nil
}

// removeCgroups ends what is left of attempts that no longer exist.
func (a *Agent) removeCgroups(dirs []attemptdir.Dir) {
	if a.cgroups == "" {
		return
	}
	prefix := a.registration.id.WorkerID + "-"
	err := a.cgroups.RemoveOthers(prefix, func(name string) bool {
		return slices.ContainsFunc(dirs, func(d attemptdir.Dir) bool { return prefix+d.Name() == name })
	})
	if err != nil {
		a.Log.Error("could not remove control groups of earlier jobs", "err", err)
	}
}

// awaitCancel carries out Cancel: it ends the jobs and, after StopTimeout, Run.
func (a *Agent) awaitCancel(runCtx context.Context) {
	select {
	case <-runCtx.Done():
		return
	case <-a.stopping.Done():
	}
	a.Log.Info("stopping: ending the running jobs")
	for _, t := range a.currentAttempts() {
		t.cancelWork(errStopped)
	}
	limit := time.NewTimer(a.Grace + a.StopTimeout)
	defer limit.Stop()
	select {
	case <-runCtx.Done():
	case <-limit.C:
		a.fail(errStopped)
	}
}

func (a *Agent) run(runCtx context.Context, id *identity.Identity) error {
	a.packs = source.OpenCache(filepath.Join(a.DataDir, "cache", "packs"), max(a.CacheBytes, 0))
	a.registration.init(runCtx, a, id)
	pollCtx, cancel := a.pollCtx(runCtx)
	defer cancel()
	if err := a.registration.register(pollCtx); err != nil {
		return a.cause(runCtx, err)
	}
	if names := a.Environment.variableNames(); len(names) > 0 {
		a.Log.Info("jobs get variables of this agent's configuration", "names", names)
	}
	a.fillSlots(a.resumeAttempts(runCtx))
	if a.FinishOnly {
		a.Drain()
	}
	defer a.closeSlots()
	heartbeatCtx, endHeartbeats := context.WithCancel(runCtx)
	var owned sync.WaitGroup
	owned.Go(func() { a.heartbeatLoop(heartbeatCtx) })
	owned.Go(func() { a.sendReports(heartbeatCtx) })
	a.pollLoop(runCtx, pollCtx)
	a.running.Wait()
	endHeartbeats()
	owned.Wait()
	if runCtx.Err() == nil && a.draining.Err() != nil {
		a.sendLastHeartbeat(runCtx)
	}
	return a.cause(runCtx, nil)
}

// pollCtx returns a context that ends with runCtx or when the agent is drained.
func (a *Agent) pollCtx(runCtx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(runCtx)
	stop := context.AfterFunc(a.draining, func() { cancel(errDrained) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// backOff waits before call n+1 of a call that failed n times, at least atLeast.
func (a *Agent) backOff(ctx context.Context, n int, atLeast time.Duration) error {
	return clock.Sleep(ctx, a.Clock, a.Backoff.Delay(n, atLeast))
}

// cause returns why the agent ends: nil after Drain and Cancel.
func (a *Agent) cause(runCtx context.Context, err error) error {
	if c := context.Cause(runCtx); c != nil {
		err = c
	}
	if errors.Is(err, errStopped) || errors.Is(err, errDrained) {
		return nil
	}
	return err
}

func (a *Agent) currentAttempts() []*attempt {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := make([]*attempt, 0, len(a.attempts))
	for _, t := range a.attempts {
		all = append(all, t)
	}
	return all
}

// addAttempt runs an attempt in a goroutine, and calls done at its end. It
// returns false if the agent has the attempt already. If the agent is stopping, the
// attempt ends soon.
func (a *Agent) addAttempt(t *attempt, run func(), done func()) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := attemptKey{t.JobID, t.Attempt}
	if a.attempts[key] != nil {
		return false
	}
	a.attempts[key] = t
	if a.stopping.Err() != nil { // awaitCancel may have ended the others already
		t.cancelWork(errStopped)
	}
	a.running.Go(func() {
		defer done()
		run()
		a.mu.Lock()
		defer a.mu.Unlock()
		if !t.left { // else heartbeats, also the last, go on to name it
			delete(a.attempts, key)
		}
	})
	return true
}
