//go:build unix

package agent_test

import (
	"errors"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent"
	"github.com/errandhq/errand/agent/internal/identity"
)

func touch(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// long is a command that writes its process ID to a file when it starts, and runs
// until a file called gate exists.
type long struct{ pidFile, gate string }

func newLong(t *testing.T) long {
	dir := t.TempDir()
	return long{filepath.Join(dir, "pid"), filepath.Join(dir, "gate")}
}

func (l long) command() string {
	return "echo started; echo $$ >" + l.pidFile + ".tmp; mv " + l.pidFile + ".tmp " + l.pidFile +
		"; while ! test -e " + l.gate + "; do sleep 0.02; done; exit 4"
}

// started waits until it runs, and returns its process ID.
func (l long) started(t *testing.T) int {
	t.Helper()
	eventually(t, "the command starts", func() bool { return exists(l.pidFile) })
	b, err := os.ReadFile(l.pidFile)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

// The verbose log includes heartbeats.
func TestHeartbeatsAreLogged(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var log lockedBuffer
	s.run(func(c *agent.Config) {
		c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	s.await("two heartbeats: the first is logged before the second", func() bool { return len(s.beats) > 1 })
	if got := log.String(); !strings.Contains(got, "msg=heartbeat holds=0 next=") {
		t.Errorf("the log:\n%s", got)
	}
}

// The response to a poll is lost: the agent repeats the poll with the same ID.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/api/workers/sync" {
			return false
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.polls) > 0 {
			return false
		}
		s.polls = append(s.polls, syncOf(r).PollID)
		s.assign(s.polls[0])
		drop(w)
		return true
	}
	s.give(s.job("true"))
	s.run(nil)
	s.result()
	s.await("another poll", func() bool { return len(s.polls) >= 3 })
	if polls := s.polled(); polls[0] != polls[1] || polls[1] == polls[2] {
		t.Errorf("poll IDs %q", polls)
	}
}

// TestHeldHeartbeat: between heartbeats of a busy agent the server may hold one, and
// so end a job at once. The first heartbeat of a job that begins is never held.
func TestHeldHeartbeat(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.heartbeat, s.holds = 5*time.Second, true
	l := newLong(t)
	short := func(n string) *errand.Assignment {
		a := s.job("true")
		a.JobID = jobID[:len(jobID)-1] + n
		a.Write = s.grant(a.JobID, 1)
		return a
	}
	s.give(s.job(l.command()))
	s.run(func(c *agent.Config) { c.Slots = 2 })
	l.started(t)
	s.give(short("1")) // before the next heartbeat
	s.await("the second job's result", func() bool { return len(s.results) == 1 })
	s.await("a held heartbeat", func() bool { return len(s.held) > 0 })
	s.give(short("2"))
	s.await("the third job's result", func() bool { return len(s.results) == 2 })
	n := 0
	s.await("the heartbeats so far", func() bool { n = len(s.held); return true })
	s.await("another held heartbeat", func() bool { return len(s.held) > n })
	s.set(func() { s.order = func(o *errand.Order) { o.Order = errand.OrderCancel } })
	s.await("the first job's end", func() bool { return len(s.failures) == 1 })
	if f := s.failures[0]; f.Reason != errand.ReasonCancelled {
		t.Errorf("failure %+v", f)
	}
	if s.held[0] != "4" {
		t.Errorf("the heartbeat asked to be held for %s s, want 4, of an interval of 5", s.held[0])
	}
}

func TestCancelledJob(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	l := newLong(t)
	s.give(s.job("echo before", l.command()))
	s.run(nil)
	pid := l.started(t)
	s.set(func() { s.order = func(o *errand.Order) { o.Order = errand.OrderCancel } })
	f := s.failure()
	if f.Reason != errand.ReasonCancelled || f.Result == nil || len(f.Result.Commands) != 2 || f.Result.Commands[1].Signal != "terminated" {
		t.Errorf("failure %+v", f)
	}
	if alive(pid) {
		t.Error("the command lives on")
	}
	if log, _ := s.log(jobID, 1, f.Result.Log); !strings.Contains(string(log), "started\nerrand: the job was cancelled\n") {
		t.Errorf("log %q", log)
	}
}

func TestAbandonedJobIsNotReported(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	l := newLong(t)
	s.give(s.job(l.command()))
	r := s.run(nil)
	pid := l.started(t)
	s.set(func() { s.order = func(o *errand.Order) { o.Order = errand.OrderAbandon } })
	r.idle()
	r.Drain()
	if err := r.ended(); err != nil || alive(pid) {
		t.Errorf("ended with %v, alive %v", err, alive(pid))
	}
	if len(s.results)+len(s.failures) > 0 {
		t.Errorf("reported %+v %+v", s.results, s.failures)
	}
}

func TestDrain(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	l := newLong(t)
	s.give(s.job(l.command()))
	r := s.run(func(c *agent.Config) { c.Slots = 2 })
	l.started(t)
	r.Drain()
	r.Drain()
	s.await("a draining heartbeat", func() bool { return s.lastBeat().Draining })
	s.mu.Lock()
	for _, b := range s.beats {
		if b.Stopped {
			t.Errorf("stopped while a job runs: %+v", b)
		}
	}
	s.mu.Unlock()
	polls := len(s.polled())
	touch(t, l.gate)
	if err := r.ended(); err != nil {
		t.Fatal(err)
	}
	if res := s.result(); res.ExitCode != 4 {
		t.Errorf("result %+v", res)
	}
	if now := len(s.polled()); now > polls+1 {
		t.Errorf("polled %d times while draining", now-polls)
	}
	// One that was given up on the way may arrive after the last one. The server knows.
	last := func(b errand.Heartbeat) bool { return len(b.Holds) == 0 && b.Draining && b.Stopped }
	if !slices.ContainsFunc(s.beats, last) {
		t.Errorf("no last heartbeat: %+v", s.beats)
	}
}

// The server had answered a poll that draining interrupted: its job is run.
func TestDrainAsksWhatThePollWasAnswered(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.before = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/api/workers/sync" || r.URL.Query().Get("wait") == "0" {
			return false
		}
		id := syncOf(r).PollID
		s.set(func() { s.polls = append(s.polls, id) })
		<-r.Context().Done() // the answer goes nowhere
		s.set(func() { s.assign(id) })
		return true
	}
	s.give(s.job("exit 6"))
	r := s.run(nil)
	s.await("a poll", func() bool { return len(s.polls) == 1 })
	r.Drain()
	if err := r.ended(); err != nil {
		t.Fatal(err)
	}
	if res, polls := s.result(), s.polled(); res.ExitCode != 6 || len(polls) != 2 || polls[0] != polls[1] {
		t.Errorf("result %+v after polls %q", res, polls)
	}
}

func TestSecondSignalStopsJobs(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	l := newLong(t)
	s.give(s.job(l.command()))
	r := s.run(nil)
	pid := l.started(t)
	r.Drain()
	r.Cancel()
	if err := r.ended(); err != nil || alive(pid) {
		t.Fatalf("ended with %v, alive %v", err, alive(pid))
	}
	if f := s.failure(); f.Reason != errand.ReasonWorkerStopped || f.Result == nil || len(f.Result.Commands) != 1 {
		t.Errorf("failure %+v", f)
	}
}

func TestSuperseded(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	l := newLong(t)
	s.give(s.job(l.command()))
	r := s.run(nil)
	pid := l.started(t)
	s.set(func() { s.epoch++ }) // someone else registered
	if err := r.ended(); !errors.Is(err, agent.ErrSuperseded) {
		t.Fatalf("ended with %v", err)
	}
	if alive(pid) || len(s.results)+len(s.failures) > 0 {
		t.Errorf("alive %v; reported %+v %+v", alive(pid), s.results, s.failures)
	}
}

func TestUnknownWorkerRegistersAgain(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	l := newLong(t)
	forgot := false
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		if forgot && s.epoch == 1 && r.URL.Path != "/api/workers/register" {
			problem(w, errand.CodeWorkerNotFound)
			return true
		}
		return false
	}
	s.give(s.job(l.command()))
	s.run(nil)
	l.started(t)
	s.set(func() { forgot = true })
	s.await("a second registration, and a heartbeat in its epoch", func() bool {
		return s.epoch == 2 && s.lastBeat().Epoch == 2
	})
	touch(t, l.gate)
	if res := s.result(); res.ExitCode != 4 || s.results[0].Epoch != 2 || s.registrations[0].WorkerID != s.registrations[1].WorkerID {
		t.Errorf("result %+v", s.results[0])
	}
}

// A registration in progress is not interrupted by the end of the call that began it,
// here by draining: the agent would not learn of its epoch, and end as superseded.
func TestRegisteringAgainIsNotInterrupted(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"/api/workers/sync", "/api/workers/heartbeat"} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.heartbeat = 5 * time.Second // held from 1 to 5
			l, forgot, agents := newLong(t), false, make(chan *runner, 1)
			s.before = func(w http.ResponseWriter, r *http.Request) bool {
				s.mu.Lock()
				refuse := forgot && s.epoch == 1 && (r.URL.Path == call && (r.URL.Query().Has("wait") && r.URL.Query().Get("wait") != "0"))
				again := s.epoch == 1 && r.URL.Path == "/api/workers/register"
				s.mu.Unlock()
				if again {
					(<-agents).Drain()
				}
				if refuse {
					problem(w, errand.CodeWorkerNotFound)
				}
				return refuse
			}
			if call == "/api/workers/heartbeat" {
				s.give(s.job(l.command())) // so that heartbeats are held, and nothing polls
			}
			r := s.run(nil)
			agents <- r
			if call == "/api/workers/heartbeat" {
				l.started(t)
			}
			s.set(func() { forgot = true })
			if call == "/api/workers/sync" {
				s.give(s.job("true")) // ends the poll
			}
			s.await("a second registration", func() bool { return s.epoch == 2 })
			touch(t, l.gate)
			if err := r.ended(); err != nil {
				t.Errorf("ended with %v", err)
			}
		})
	}
}

func TestRefusedWorkerEnds(t *testing.T) {
	t.Parallel()
	for path, code := range map[string]errand.Code{
		"/api/workers/register":  errand.CodeUnauthenticated,
		"/api/workers/heartbeat": errand.CodeUnauthenticated, // though registration works
		"/api/workers/sync":      errand.CodeForbidden,
	} {
		t.Run(path, func(t *testing.T) {
			s := newServer(t)
			s.before = func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path != path {
					return false
				}
				problem(w, code)
				return true
			}
			if err := s.run(nil).ended(); err == nil || !strings.Contains(err.Error(), string(code)) {
				t.Errorf("ended with %v", err)
			}
		})
	}
}

func TestRegistrationIsRetried(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	tries := 0
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		if tries++; tries > 5 || r.URL.Path != "/api/workers/register" {
			return false
		}
		if tries%2 == 0 {
			drop(w)
		}
		problem(w, errand.CodeUnavailable)
		return true
	}
	s.give(s.job("true"))
	s.run(nil)
	s.result()
}

func TestRetryAfterIsHonoured(t *testing.T) {
	s := newServer(t)
	clock := newManual()
	tries := 0
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/api/workers/register" {
			s.set(func() { tries++ })
			if tries == 1 {
				w.Header().Set("Retry-After", "60")
				problem(w, errand.CodeRateLimited)
				return true
			}
		}
		return false
	}
	s.run(func(c *agent.Config) { c.Clock = clock })
	s.await("the first try", func() bool { return tries == 1 })
	eventually(t, "the agent waits", func() bool { _, waits := clock.Next(); return waits })
	clock.Advance(59 * time.Second)
	if s.mu.Lock(); tries != 1 {
		t.Error("tried again too early")
	}
	s.mu.Unlock()
	clock.Advance(time.Second)
	s.await("a registration", func() bool { return s.epoch == 1 })
}

func TestTwoJobsAtATime(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	a, b := newLong(t), newLong(t)
	second := s.job(b.command())
	second.JobID = strings.Replace(jobID, "01JD", "01JE", 1)
	s.give(s.job(a.command()), second)
	s.run(func(c *agent.Config) { c.Slots = 2 })
	a.started(t)
	b.started(t)
	s.await("a heartbeat that names both", func() bool { return len(s.lastBeat().Holds) == 2 })
	touch(t, a.gate)
	touch(t, b.gate)
	s.await("both results", func() bool { return len(s.results) == 2 })
}

func TestDataDirectoryIsLocked(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	first := s.run(nil)
	s.await("the first agent", func() bool { return s.epoch == 1 })
	second := s.run(func(c *agent.Config) { c.DataDir = first.dir })
	if err := second.ended(); !errors.Is(err, identity.ErrInUse) {
		t.Errorf("ended with %v", err)
	}
}

// killed starts an agent in its own process. kill ends it with SIGKILL.
func (s *server) killed(dir string, env ...string) (kill func()) {
	s.t.Helper()
	exe, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(append(os.Environ(), env...), "TMPDIR="+s.t.TempDir(), "AGENT_TEST_DATA="+dir, "AGENT_TEST_SERVER="+s.URL)
	cmd.Stderr = testWriter{s.t}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	done := false
	kill = func() {
		if !done {
			done = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	s.t.Cleanup(kill)
	return kill
}

// The agent is killed after its result is on disk and before a server accepts it.
// The next agent on that directory reports it, with the whole log, as the same
// worker.
func TestResultSurvivesKill(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	away := true
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		if away && (reports(r) || r.URL.Path == "/bucket") {
			problem(w, errand.CodeUnavailable)
			return true
		}
		return false
	}
	s.give(s.job("head -c 700000 /dev/zero | tr '\\0' x; exit 9"))
	dir := t.TempDir()
	kill := s.killed(dir)
	eventually(t, "the result is on disk", func() bool {
		return exists(filepath.Join(dir, "attempts", jobID+"-1", "result.json"))
	})
	kill()
	s.set(func() { away = false })
	r := s.run(func(c *agent.Config) { c.DataDir = dir })
	res := s.result()
	if res.ExitCode != 9 || s.registrations[0].WorkerID != s.registrations[1].WorkerID || s.results[0].Epoch != 2 {
		t.Errorf("exit %d in epoch %d", res.ExitCode, s.results[0].Epoch)
	}
	if log, _ := s.log(jobID, 1, res.Log); strings.Count(string(log), "x") < 700000 {
		t.Errorf("the log has %d bytes", len(log))
	}
	r.idle()
}

// The agent is killed while a job runs, and with it what ran the commands. The next one
// reports that at once, with the log that was written. Where the platform can
// identify them, it kills the processes left running.
func TestKilledMidJob(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	l := newLong(t)
	s.give(s.job("echo first", l.command()))
	dir := t.TempDir()
	kill := s.killed(dir)
	pid := l.started(t)
	kill()
	r := s.run(func(c *agent.Config) { c.DataDir = dir })
	f := s.failure()
	if f.Reason != errand.ReasonAgentRestarted || f.Result == nil || len(f.Result.Commands) != 0 {
		t.Fatalf("failure %+v", f)
	}
	want := "$ echo first\nfirst\n$ " + l.command() + "\n"
	if log, _ := s.log(jobID, 1, f.Result.Log); strings.TrimSuffix(string(log), "started\n") != want { // it may have been in the pipe
		t.Errorf("log %q, want %q", log, want)
	}
	if strayKilled {
		eventually(t, "the stray process ends", func() bool { return !alive(pid) || zombie(pid) })
	}
	r.idle()
	touch(t, l.gate)
}

// TestIdleHeartbeats: a long heartbeat interval while idle isn't taken for a
// suspend, and a job that then comes is named in a heartbeat after a second.
func TestIdleHeartbeats(t *testing.T) {
	s, clock := newBellServer(t), newManual()
	s.heartbeat = 2 * time.Minute
	s.run(func(c *agent.Config) { c.Clock = clock })
	w := s.waiter()
	clock.Advance(119 * time.Second)
	l := newLong(t)
	s.give(s.job(l.command()))
	w <- "errand-ring"
	l.started(t)
	began := clock.Now()
	// After a second: the next one is due in two minutes.
	ticking(clock, func() {
		s.await("a heartbeat that names the job", func() bool {
			for _, b := range s.beats {
				if len(b.Holds) == 1 && b.Holds[0].JobID == jobID {
					return true
				}
			}
			return false
		})
	})
	if d := clock.Now().Sub(began); d > time.Minute {
		t.Errorf("the heartbeat came after %v", d)
	}
	touch(t, l.gate)
	s.result()
}

// TestHoldWithoutOrder: the server could renew one of two attempts. The other is
// asked for again at once, not an interval later.
func TestHoldWithoutOrder(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.heartbeat = time.Hour
	var asked, asKnown int
	s.order = func(o *errand.Order) {
		if o.Attempt == 2 {
			if asked++; asked <= 3 {
				o.JobID = "" // as if it were left out
			}
			return
		}
		asKnown++
	}
	gate := filepath.Join(t.TempDir(), "gate")
	wait := "while ! test -e '" + gate + "'; do sleep 0.01; done"
	first, second := s.job(wait), s.job(wait)
	second.Attempt, second.Write = 2, s.grant(jobID, 2)
	s.give(first, second)
	s.run(func(c *agent.Config) { c.Slots = 2 })
	s.await("four orders", func() bool { return asked >= 4 && asKnown > 0 })
	touch(t, gate)
	s.await("both results", func() bool { return len(s.results) == 2 })
	s.mu.Lock()
	defer s.mu.Unlock()
	if asked < 4 || asKnown == 0 {
		t.Errorf("%d and %d orders", asked, asKnown)
	}
}
