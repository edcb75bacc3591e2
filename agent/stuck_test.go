//go:build unix

package agent_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent"
	"github.com/errandhq/errand/agent/internal/attemptdir"
	"github.com/errandhq/errand/agent/internal/supervisor"
)

// A fakeSupervisor is what the agent takes for the supervisor of slot 0.
type fakeSupervisor struct {
	t        *testing.T
	dir      string // the agent's data directory
	listener net.Listener
}

func newFakeSupervisor(t *testing.T) *fakeSupervisor {
	t.Helper()
	dir, err := os.MkdirTemp("", "errand-") // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.MkdirAll(filepath.Join(dir, "slots", "0"), 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, "slots", "0", "socket"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return &fakeSupervisor{t, dir, l}
}

// use makes an agent use it.
func (f *fakeSupervisor) use(c *agent.Config) {
	c.DataDir, c.Supervisor = f.dir, []string{"/bin/sh", "-c", "echo ready"}
}

// accept accepts the agent's connection, which ends at the test's end.
func (f *fakeSupervisor) accept() net.Conn {
	f.t.Helper()
	conn, err := f.listener.Accept()
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func (f *fakeSupervisor) tell(conn net.Conn, s supervisor.Status) {
	f.t.Helper()
	if err := json.NewEncoder(conn).Encode(s); err != nil {
		f.t.Error(err)
	}
}

// run begins the agent's first attempt. awaitEnd waits until the agent wants its end.
func (f *fakeSupervisor) run() (conn net.Conn, s supervisor.Status, awaitEnd func()) {
	f.t.Helper()
	return f.runAfter(supervisor.Status{})
}

// runAfter is run, where before is the first status.
func (f *fakeSupervisor) runAfter(before supervisor.Status) (conn net.Conn, s supervisor.Status, awaitEnd func()) {
	f.t.Helper()
	conn = f.accept()
	f.tell(conn, before)
	requests := json.NewDecoder(conn)
	await := func(is func(supervisor.Request) bool) (r supervisor.Request) {
		f.t.Helper()
		for !is(r) {
			r = supervisor.Request{}
			if err := requests.Decode(&r); err != nil {
				f.t.Fatal(err)
			}
		}
		return r
	}
	s.Attempt = await(func(r supervisor.Request) bool { return r.Run != nil }).Run.Attempt
	f.tell(conn, s)
	return conn, s, func() { await(func(r supervisor.Request) bool { return r.End != nil }) }
}

// A job is cancelled while the agent waits for its supervisor.
func TestCancelledBeforeTheSupervisorAnswers(t *testing.T) {
	t.Parallel()
	s, f := newServer(t), newFakeSupervisor(t)
	s.give(s.job("true"))
	s.run(f.use)
	f.accept()
	s.set(func() { s.order = func(o *errand.Order) { o.Order = errand.OrderCancel } })
	if got := s.failure(); got.Reason != errand.ReasonCancelled || got.Error != "the job was cancelled" {
		t.Errorf("failure %+v", got)
	}
}

// Commands that can't be ended, such as those that wait for a broken disk: their job is
// reported when they have ended, and until then the slot runs no other.
func TestCommandsThatCannotBeEnded(t *testing.T) {
	t.Parallel()
	s, f, clock := newServer(t), newFakeSupervisor(t), newManual()
	s.heartbeat = 10 * time.Second
	s.give(s.job("true"))
	s.run(func(c *agent.Config) {
		f.use(c)
		c.Clock = clock
	})
	conn, status, awaitEnd := f.run()
	s.set(func() { s.order = func(o *errand.Order) { o.Order = errand.OrderCancel } })
	ticking(clock, awaitEnd) // a heartbeat brings the order
	s.give(s.job("true"))
	s.set(func() { s.queue[0].JobID = jobID[:len(jobID)-1] + "1" })
	pass(clock, time.Minute)
	s.mu.Lock()
	waiting, beat := len(s.queue), s.lastBeat()
	s.mu.Unlock()
	if waiting != 1 || len(beat.Holds) != 1 || beat.Holds[0].JobID != jobID {
		t.Errorf("%d jobs wait; the last heartbeat is %+v", waiting, beat)
	}
	status.Outcome = &attemptdir.Outcome{Reason: errand.ReasonCancelled, Error: "at last"}
	s.set(func() { s.order = nil })
	f.tell(conn, status)
	if got := s.failure(); got.Reason != errand.ReasonCancelled || got.Error != "at last" {
		t.Errorf("failure %+v", got)
	}
	_ = f.listener.Close() // the second job's connection is the first's
}

// The supervisor asks for a new lease after a suspend, in an attempt after one in which
// it asked more often.
func TestAsksAreOfOneAttempt(t *testing.T) {
	t.Parallel()
	s, f := newServer(t), newFakeSupervisor(t)
	s.heartbeat = time.Hour
	s.give(s.job("true"))
	s.run(func(c *agent.Config) {
		f.use(c)
		c.Clock = newManual()
	})
	before := supervisor.Status{Attempt: "an earlier one", Asks: 3, Outcome: &attemptdir.Outcome{}}
	conn, status, _ := f.runAfter(before)
	s.mu.Lock()
	beats := len(s.beats)
	s.mu.Unlock()
	status.Asks = 1
	f.tell(conn, status)
	s.await("a heartbeat", func() bool { return len(s.beats) > beats })
}

// An agent stops that can't end its job's commands, in time or after its StopTimeout: the
// next one reports the job.
func TestStopWithCommandsThatCannotBeEnded(t *testing.T) {
	t.Parallel()
	const enough = 5 * time.Minute // of the agent's clock
	for _, limit := range []time.Duration{enough, time.Millisecond} {
		t.Run(limit.String(), func(t *testing.T) {
			t.Parallel()
			s, f, clock := newServer(t), newFakeSupervisor(t), newManual()
			s.heartbeat = 10 * time.Second
			s.give(s.job("true"))
			r := s.run(func(c *agent.Config) {
				f.use(c)
				c.Clock, c.Grace, c.StopTimeout = clock, time.Millisecond, limit
			})
			_, status, awaitEnd := f.run()
			r.Cancel()
			awaitEnd()
			ticking(clock, func() {
				if err := r.ended(); err != nil {
					t.Error(err)
				}
			})
			if len(s.results)+len(s.failures) > 0 {
				t.Errorf("reported %+v %+v", s.results, s.failures)
			}
			// One that was under way when the agent stopped may arrive behind the last.
			var beats []errand.Heartbeat
			s.set(func() { beats = slices.Clone(s.beats) })
			named := slices.ContainsFunc(beats, func(b errand.Heartbeat) bool { return b.Stopped && len(b.Holds) == 1 && !b.Holds[0].Ended })
			if limit == enough && !named {
				t.Errorf("no last heartbeat names the job that runs on: %+v", beats)
			}
			if _, err := attemptdir.Dir(status.Attempt).Outcome(); !errors.Is(err, fs.ErrNotExist) || !exists(status.Attempt) {
				t.Errorf("the attempt's outcome: %v", err)
			}
		})
	}
}

// The data directory was copied on one machine, where the original's job runs: the copy's
// agent leaves the job's TMPDIR alone.
func TestCopyKeepsTheOriginalsTemp(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	original, other := t.TempDir(), t.TempDir()
	d, err := attemptdir.Create(original, s.job("true"), 0)
	if err != nil {
		t.Fatal(err)
	}
	temp, err := d.CreateTemp(t.TempDir(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(other, os.DirFS(original)); err != nil {
		t.Fatal(err)
	}
	r := s.run(func(c *agent.Config) { c.DataDir = other })
	s.await("the agent", func() bool { return len(s.beats) > 0 })
	r.idle()
	if !exists(temp) {
		t.Error("the TMPDIR is gone")
	}
}

// A supervisor that ends before it has begun an attempt is replaced by another.
func TestSupervisorEndsBeforeItBegins(t *testing.T) {
	t.Parallel()
	s, f := newServer(t), newFakeSupervisor(t)
	s.give(s.job("true"))
	s.run(f.use)
	for range 2 {
		conn := f.accept()
		f.tell(conn, supervisor.Status{})
		_ = conn.Close()
	}
	conn, status, _ := f.run()
	status.Outcome = &attemptdir.Outcome{Result: errand.Result{ExitCode: 7, Commands: []errand.CommandResult{{ExitCode: 7}}}}
	f.tell(conn, status)
	if res := s.result(); res.ExitCode != 7 {
		t.Errorf("result %+v", res)
	}
}

// An attempt that no supervisor lives to begin fails as the worker's fault.
func TestSupervisorsEndBeforeTheyBegin(t *testing.T) {
	t.Parallel()
	s, f := newServer(t), newFakeSupervisor(t)
	s.give(s.job("true"))
	s.run(f.use)
	for range 3 {
		conn := f.accept()
		f.tell(conn, supervisor.Status{})
		_ = conn.Close()
	}
	if got := s.failure(); got.Reason != errand.ReasonAgentError || got.Error != "the process that runs the commands was killed before it began" {
		t.Errorf("failure %+v", got)
	}
}

// An attempt whose commands have ended doesn't get its lease renewed.
func TestHeartbeatsSayWhatHasEnded(t *testing.T) {
	t.Parallel()
	s, f := newServer(t), newFakeSupervisor(t)
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if reports(r) {
			problem(w, errand.CodeUnavailable)
			return true
		}
		return false
	}
	s.give(s.job("true"))
	s.run(f.use)
	conn, status, _ := f.run()
	last := func(ended bool) func() bool {
		return func() bool {
			holds := s.lastBeat().Holds
			return len(holds) == 1 && holds[0].Ended == ended
		}
	}
	s.await("a heartbeat while it runs", last(false))
	status.Outcome = &attemptdir.Outcome{Reason: errand.ReasonLost, Error: "the lease ended"}
	f.tell(conn, status)
	s.await("a heartbeat that says that it has ended", last(true))
}
