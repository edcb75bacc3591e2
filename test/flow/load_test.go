package flow

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/localstack"
)

// What the load is: agents that wait and jobs that come, on an account with few
// concurrent executions. Time is a synctest bubble's, so nothing here depends on
// how fast the machine is: an invocation lasts invokeTime, always.
const (
	loadRate        = 100 // jobs a second
	loadFor         = time.Second
	loadConcurrency = 100
	invokeTime      = 20 * time.Millisecond
)

// loadAgents is 250 in make test, and 1,000 in make load.
func loadAgents(t *testing.T) int {
	s := os.Getenv("ERRAND_LOAD_AGENTS")
	if s == "" {
		return 250
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// load is what came of it.
type load struct {
	*deployed
	t         *testing.T
	beats     atomic.Int64
	refused   atomic.Int64 // heartbeats
	throttled atomic.Int64 // of anything
	done      atomic.Int64 // jobs reported
	running   atomic.Int64 // invocations
	peak      atomic.Int64
}

// slow makes each invocation of an in-process function last invokeTime.
func (l *load) slow(next localstack.Handler) localstack.Handler {
	return handlerFunc(func(ctx context.Context, event []byte) ([]byte, error) {
		n := l.running.Add(1)
		defer l.running.Add(-1)
		for peak := l.peak.Load(); n > peak && !l.peak.CompareAndSwap(peak, n); peak = l.peak.Load() {
		}
		time.Sleep(invokeTime)
		return next.Invoke(ctx, event)
	})
}

type handlerFunc func(context.Context, []byte) ([]byte, error)

func (f handlerFunc) Invoke(ctx context.Context, event []byte) ([]byte, error) { return f(ctx, event) }

// unreserved adds that no function has concurrency of its own: a limit of 100
// leaves AWS nothing to reserve.
func unreserved(parameters map[string]string) map[string]string {
	all := map[string]string{"ReserveConcurrency": "false"}
	maps.Copy(all, parameters)
	return all
}

// newLoad deploys with what the parameters say.
func newLoad(t *testing.T, parameters map[string]string) *load {
	l := &load{t: t}
	l.deployed = deploy(t, deployOptions{inProcess: true, parameters: parameters, change: func(c *localstack.Config) {
		c.Leaked, c.Concurrency = nil, loadConcurrency
		c.Logf = func(string, ...any) {} // a thousand refusals are counted, not told
		for name, source := range c.Functions {
			made := source.New
			c.Functions[name] = localstack.FunctionCode{New: func(env map[string]string) (localstack.Handler, error) {
				h, err := made(env)
				return l.slow(h), err
			}}
		}
	}})
	return l
}

// worker is one of the agents: it waits, works and heartbeats as agents do.
func (l *load) worker(ctx context.Context, agent *api.Client, i int) {
	time.Sleep(time.Duration(i) * 5 * time.Millisecond) // a fleet doesn't start at once
	var reg errand.Registered
	for {
		var err error
		if reg, err = agent.Register(ctx, errand.Registration{Name: fmt.Sprint(i)}); err == nil {
			break
		}
		if l.count(err); ctx.Err() != nil {
			return
		}
		time.Sleep(time.Second)
	}
	c := l.as(reg.Token)
	var holds []errand.Hold
	var mu sync.Mutex
	beat := func() time.Duration {
		mu.Lock()
		h := errand.Heartbeat{WorkerID: reg.WorkerID, Epoch: reg.Epoch, Holds: holds}
		mu.Unlock()
		answer, err := c.Heartbeat(ctx, h)
		if l.beats.Add(1); l.count(err) {
			l.refused.Add(1)
		}
		return max(time.Duration(answer.IntervalMs)*time.Millisecond, time.Second)
	}
	var beats sync.WaitGroup
	defer beats.Wait()
	beats.Go(func() {
		for wait := time.Duration(reg.HeartbeatMs) * time.Millisecond; sleepFor(ctx, wait); {
			wait = beat()
		}
	})
	again := 0
	for poll := 0; ctx.Err() == nil; poll++ {
		asg, err := c.GetJob(ctx, reg.WorkerID, reg.Epoch, fmt.Sprint("p", poll), time.Duration(reg.PollWait)*time.Second)
		if l.count(err) || err != nil {
			sleepFor(ctx, time.Second)
			continue
		}
		if asg == nil {
			if again > 0 {
				again--
				sleepFor(ctx, 350*time.Millisecond) // see agent/bell.go
			} else if l.rest(ctx, &reg) {
				again = 2
			}
			continue
		}
		mu.Lock()
		holds = []errand.Hold{{JobID: asg.JobID, Attempt: asg.Attempt}}
		mu.Unlock()
		beat()
		_, err = c.SubmitResult(ctx, api.SubmitResult{WorkerID: reg.WorkerID, Epoch: reg.Epoch, JobID: asg.JobID, Attempt: asg.Attempt})
		if l.count(err); err == nil {
			l.done.Add(1)
		}
		mu.Lock()
		holds = nil
		mu.Unlock()
	}
}

// rest waits at the bell, or not at all where polls are held.
func (l *load) rest(ctx context.Context, reg *errand.Registered) (rang bool) {
	for reg.Bell != nil && ctx.Err() == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.url+reg.Bell.URLs[0], nil)
		if err != nil {
			return false
		}
		resp, err := l.http.Do(req)
		if err != nil {
			return false
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK || strings.Contains(string(body), errand.RingText) {
			return true
		}
	}
	return false
}

func sleepFor(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// count notes whether the API refused for want of capacity.
func (l *load) count(err error) (refused bool) {
	if _, temporary := api.Temporary(err); err == nil || !temporary {
		return false
	}
	l.throttled.Add(1)
	return true
}

// run has the agents wait, then jobs come, and returns when no more is to be done.
func (l *load) run(agents int) (jobs int64) {
	agent, user := l.client(l.t, errand.RoleAgent), l.client(l.t, errand.RoleUser)
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for i := range agents {
		all.Go(func() { l.worker(ctx, agent, i) })
	}
	time.Sleep(30 * time.Second) // all have registered, and been heard of
	var creators sync.WaitGroup
	for range int(loadFor.Seconds() * loadRate) {
		jobs++
		creators.Go(func() {
			for range 10 {
				_, err := user.CreateJob(ctx, api.CreateJob{Commands: []errand.Command{{Shell: "true"}}}, "")
				if err == nil || !l.count(err) {
					return
				}
				time.Sleep(time.Second)
			}
		})
		time.Sleep(time.Second / loadRate)
	}
	creators.Wait()
	time.Sleep(30 * time.Second)
	cancel()
	all.Wait()
	return jobs
}

// TestLoad: 1,000 agents (see loadAgents) wait and 100 jobs a second come, on an account with 100
// concurrent executions: no heartbeat is refused, nor anything else.
func TestLoad(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLoad(t, unreserved(nil))
		agents := loadAgents(t)
		jobs := l.run(agents)
		t.Logf("%d heartbeats, %d jobs done, at most %d invocations at a time", l.beats.Load(), l.done.Load(), l.peak.Load())
		if l.refused.Load() > 0 || l.throttled.Load() > 0 || l.done.Load() != jobs {
			t.Errorf("%d heartbeats of %d refused, %d calls in all; %d jobs of %d done", l.refused.Load(), l.beats.Load(), l.throttled.Load(), l.done.Load(), jobs)
		}
		if l.beats.Load() < int64(agents) || l.peak.Load() > loadConcurrency {
			t.Errorf("%d heartbeats of %d agents, %d invocations at a time", l.beats.Load(), agents, l.peak.Load())
		}
	})
}

// TestLoadOfHeldPolls is what the bell is for: where polls are held by functions,
// those eat the concurrency that heartbeats need.
func TestLoadOfHeldPolls(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLoad(t, unreserved(map[string]string{"PollWait": "20s"}))
		l.run(loadConcurrency + 20)
		if l.refused.Load() == 0 {
			t.Errorf("no heartbeat of %d was refused: the test above shows nothing", l.beats.Load())
		}
	})
}
