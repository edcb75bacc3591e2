//go:build unix

package agent_test

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent"
	"github.com/errandhq/errand/internal/backoff"
	"github.com/errandhq/errand/internal/clock"
)

// onManual returns a server with real intervals, and an agent with a clock that the
// test advances.
func onManual(t *testing.T) (*server, *clock.Manual, *runner) {
	t.Helper()
	s := newServer(t)
	s.heartbeat = 10 * time.Second
	clock := newManual()
	r := s.run(func(c *agent.Config) {
		c.Log = slog.New(slog.NewTextHandler(&s.agentLog, &slog.HandlerOptions{Level: slog.LevelDebug}))
		c.Clock = clock
		c.Backoff = backoff.Policy{Min: time.Second, Max: 20 * time.Second}
	})
	return s, clock, r
}

// pass advances the clock by d in steps of a second. It is for what must not happen
// meanwhile: nothing may rely on the agent having acted at its end.
func pass(clock *clock.Manual, d time.Duration) {
	tick := time.NewTicker(step)
	defer tick.Stop()
	for range int(d / time.Second) {
		clock.Advance(time.Second)
		<-tick.C
	}
}

// failureOn is failure, and lets the clock run.
func (s *server) failureOn(clock *clock.Manual) (f errand.Failure) {
	s.t.Helper()
	ticking(clock, func() { f = s.failure() })
	return f
}

// TestOutageKillsNothing: the server is down for five minutes, longer than the
// lease. A job that no other worker may run continues, and is reported when the
// server is back.
func TestOutageKillsNothing(t *testing.T) {
	s, clock, _ := onManual(t)
	l := newLong(t)
	a := s.job(l.command())
	a.TimeoutSeconds = 36000
	s.give(a)
	pid := l.started(t)
	s.set(func() { s.down = true })
	pass(clock, 5*time.Minute)
	if !alive(pid) {
		t.Fatal("the job was killed")
	}
	touch(t, l.gate)
	eventually(t, "the job ends", func() bool { return !alive(pid) })
	pass(clock, 2*time.Minute) // the result can't be delivered
	s.set(func() { s.down = false })
	var res errand.Result
	ticking(clock, func() { res = s.result() })
	if res.ExitCode != 4 {
		t.Errorf("result %+v", res)
	}
}

// TestRetryableJobDiesBeforeItsLease: a job that another worker may run, or whose group
// has a next one, is killed shortly before its lease ends. It is reported as lost when
// the server is back, with its log.
func TestRetryableJobDiesBeforeItsLease(t *testing.T) {
	for _, group := range []string{"", "lane"} {
		t.Run("group "+group, func(t *testing.T) { testDiesBeforeItsLease(t, group) })
	}
}

func testDiesBeforeItsLease(t *testing.T, group string) {
	s, clock, r := onManual(t)
	s.order = func(o *errand.Order) { o.Retryable = group == "" }
	l := newLong(t)
	a := s.job(l.command())
	a.Group = group
	s.give(a)
	pid := l.started(t)
	clock.Advance(time.Second)
	eventually(t, "a heartbeat renews the lease", func() bool { return strings.Contains(s.agentLog.String(), "holds=1") })
	s.set(func() { s.down = true })
	pass(clock, 49*time.Second) // of 60, with a margin of 10
	if !alive(pid) {
		t.Fatal("killed too early")
	}
	// At 50 s, or a little later: the supervisor counts from when it learned of the renewal.
	ticking(clock, func() { eventually(t, "the job is killed", func() bool { return !alive(pid) }) })
	s.set(func() { s.down = false })
	f := s.failureOn(clock)
	if log, _ := s.log(jobID, 1, f.Result.Log); f.Reason != errand.ReasonLost || !strings.Contains(string(log), "started\nerrand: the worker could not renew its lease") {
		t.Errorf("failure %s: %s, log %q", f.Reason, f.Error, log)
	}
	r.idle()
}

// TestShortLease: without a heartbeat, such a job is killed before its first lease ends,
// which began when the question was sent, plus the time that the server says it kept it.
func TestShortLease(t *testing.T) {
	s, clock, r := onManual(t)
	s.waited = 4 * time.Second // of the five that pass
	s.before = func(_ http.ResponseWriter, r *http.Request) bool {
		if syncOf(r).PollID != "" {
			clock.Advance(5 * time.Second)
		}
		return false
	}
	l := newLong(t)
	a := s.job(l.command())
	a.Retryable = true
	s.give(a)
	pid := l.started(t)
	s.set(func() { s.down = true })
	pass(clock, 21*time.Second) // of 30, with a margin of 7.5, and one has passed
	if !alive(pid) {
		t.Fatal("killed too early")
	}
	pass(clock, time.Second)
	eventually(t, "the job is killed", func() bool { return !alive(pid) })
	s.set(func() { s.down = false })
	if f := s.failureOn(clock); f.Reason != errand.ReasonLost {
		t.Errorf("failure %s: %s", f.Reason, f.Error)
	}
	r.idle()
}

// TestLateAnswer: an attempt whose lease ended before the agent could begin it is not
// begun: the server may think that it has failed.
func TestLateAnswer(t *testing.T) {
	s, clock, r := onManual(t)
	s.before = func(_ http.ResponseWriter, r *http.Request) bool {
		if syncOf(r).PollID != "" {
			clock.Advance(time.Minute)
		}
		return false
	}
	l := newLong(t)
	s.give(s.job(l.command()))
	s.await("the agent asks for work: until then, the clock stands", func() bool { return len(s.polls) > 0 })
	if f := s.failureOn(clock); f.Reason != errand.ReasonLost || !strings.Contains(f.Error, "not started") || exists(l.pidFile) {
		t.Errorf("failure %s: %s; started: %v", f.Reason, f.Error, exists(l.pidFile))
	}
	r.idle()
}

// TestLeaseIsRenewed: while heartbeats succeed, a retryable job outlives its first
// lease.
func TestLeaseIsRenewed(t *testing.T) {
	s, clock, _ := onManual(t)
	s.order = func(o *errand.Order) { o.Retryable = true }
	l := newLong(t)
	s.give(s.job(l.command()))
	l.started(t)
	for range 12 { // two minutes
		// A timer that is set after the clock moved is due ten seconds later. The lease of fifty
		// leaves room for that.
		n, tries := s.beatCount(), 0
		eventually(t, "a heartbeat", func() bool {
			if tries%1000 == 0 {
				clock.Advance(10 * time.Second)
			}
			tries++
			return s.beatCount() > n
		})
	}
	touch(t, l.gate)
	if res := s.result(); res.ExitCode != 4 {
		t.Errorf("result %+v", res)
	}
}

func (s *server) beatCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.beats)
}

// TestSuspendAsksFirst: after a suspend longer than the lease the agent sends a
// heartbeat before it kills: the server may have given the job to no one else.
func TestSuspendAsksFirst(t *testing.T) {
	s, clock, _ := onManual(t)
	s.order = func(o *errand.Order) { o.Retryable = true }
	l := newLong(t)
	s.give(s.job(l.command()))
	pid := l.started(t)
	n := s.beatCount()
	renewals := func() int { return strings.Count(s.agentLog.String(), "holds=1") }
	m := renewals()
	clock.Suspend(5 * time.Minute)
	s.await("a heartbeat", func() bool { return len(s.beats) > n })
	eventually(t, "its answer renews the lease", func() bool { return renewals() > m })
	n = s.beatCount()
	ticking(clock, func() { s.await("another heartbeat", func() bool { return len(s.beats) > n }) })
	if !alive(pid) {
		t.Fatal("killed though the server renewed the lease")
	}
	touch(t, l.gate)
	s.result()
}

// TestTimeout: the timeout follows the agent's clock, and the partial result is
// reported.
func TestTimeout(t *testing.T) {
	s, clock, _ := onManual(t)
	l := newLong(t)
	s.give(s.job("echo first", l.command()))
	l.started(t)
	pass(clock, 599*time.Second)
	s.mu.Lock()
	early := len(s.failures)
	s.mu.Unlock()
	if early > 0 {
		t.Fatal("timed out too early")
	}
	f := s.failureOn(clock)
	if f.Reason != errand.ReasonTimedOut || f.Result == nil || len(f.Result.Commands) != 2 || string(f.Result.Commands[0].Stdout.Head) != "first\n" {
		t.Errorf("failure %+v", f)
	}
}

// TestTimeoutOfTheDownload: the timeout includes what is done before the commands.
func TestTimeoutOfTheDownload(t *testing.T) {
	s, clock, _ := onManual(t)
	asked := make(chan struct{})
	s.set(func() {
		s.before = func(_ http.ResponseWriter, r *http.Request) bool {
			if !strings.HasPrefix(r.URL.Path, "/bucket/") {
				return false
			}
			close(asked)
			<-r.Context().Done()
			return true
		}
	})
	a := s.job("echo never")
	s.source(a, map[string]string{"a.txt": "x"})
	s.give(a)
	<-asked
	pass(clock, 600*time.Second)
	if f := s.failureOn(clock); f.Reason != errand.ReasonTimedOut || f.Error != "the job ran longer than its timeout of 10m0s" || len(f.Result.Commands) != 0 {
		t.Errorf("failure %+v", f)
	}
}

// TestGrantIsRenewedInTime: a write grant is renewed after half of its lifetime.
func TestGrantIsRenewedInTime(t *testing.T) {
	s, clock, _ := onManual(t)
	l := newLong(t)
	a := s.job(l.command())
	a.TimeoutSeconds = 36000
	s.give(a)
	l.started(t)
	renewals := func() (n int) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, b := range s.beats {
			for _, h := range b.Holds {
				if h.RenewWrites {
					n++
				}
			}
		}
		return n
	}
	pass(clock, 890*time.Second) // of 1800
	if renewals() != 0 {
		t.Fatal("renewed too early")
	}
	ticking(clock, func() { eventually(t, "a new grant", func() bool { return renewals() > 0 }) })
	n := s.beatCount()
	ticking(clock, func() { s.await("heartbeats", func() bool { return len(s.beats) > n+2 }) })
	if got := renewals(); got != 1 {
		t.Errorf("asked for a grant %d times", got)
	}
	touch(t, l.gate)
	s.result()
}
