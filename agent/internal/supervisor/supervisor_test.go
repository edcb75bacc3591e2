//go:build unix

package supervisor_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/attemptdir"
	"github.com/errandhq/errand/agent/internal/spool"
	"github.com/errandhq/errand/agent/internal/supervisor"
	"github.com/errandhq/errand/internal/clock"
)

// Supervisors are this test binary, re-executed.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "supervise" {
		os.Exit(supervisor.Main(os.Args[2:]))
	}
	// A supervisor that a test has told to end may take a moment: its start waits for it.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/errandhq/errand/agent/internal/supervisor.start.func1"))
}

// patience is how long a test waits for what must happen.
const patience = 2 * time.Minute

// slot is an agent's data directory, whose slot 0 runs attempts.
type slot struct {
	t    *testing.T
	data string
}

func newSlot(t *testing.T) *slot {
	t.Helper()
	return &slot{t, t.TempDir()}
}

// start starts the supervisor. It is left at the test's end.
func (s *slot) start() *supervisor.Client {
	s.t.Helper()
	exe, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	c, err := supervisor.Start(s.t.Context(), []string{exe, "supervise"}, s.data, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(c.Close)
	return c
}

func (s *slot) attach() *supervisor.Client {
	s.t.Helper()
	c, err := supervisor.Attach(s.t.Context(), s.data, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(c.Close)
	return c
}

// job makes an attempt's directory.
func (s *slot) job(n int, lines ...string) attemptdir.Dir {
	s.t.Helper()
	a := &errand.Assignment{JobID: "JOB", Attempt: n, TimeoutSeconds: 86400, ContinueOnError: true}
	for _, l := range lines {
		a.Commands = append(a.Commands, errand.Command{Shell: l})
	}
	d, err := attemptdir.Create(s.data, a, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

// run tells the supervisor to run an attempt.
func run(t *testing.T, c *supervisor.Client, d attemptdir.Dir, lease supervisor.Lease) {
	t.Helper()
	err := c.Send(supervisor.Request{Run: &supervisor.Run{
		Attempt: string(d), Env: []string{"PATH=" + os.Getenv("PATH"), "ERRAND_JOB_ID=" + t.Name()},
		Grace: 2 * time.Second, PipeWait: 100 * time.Millisecond, Lease: lease,
	}})
	if err != nil {
		t.Fatal(err)
	}
}

// await waits until the status satisfies cond.
func await(t *testing.T, c *supervisor.Client, cond func(supervisor.Status) bool) supervisor.Status {
	t.Helper()
	limit := time.After(patience)
	for {
		if s := c.Status(); cond(s) {
			return s
		}
		select {
		case <-c.Changed():
		case <-limit:
			t.Fatalf("waited in vain; the status is %+v", c.Status())
		}
	}
}

// outcome waits for an attempt's end.
func outcome(t *testing.T, c *supervisor.Client, d attemptdir.Dir) *attemptdir.Outcome {
	t.Helper()
	return await(t, c, func(s supervisor.Status) bool { return s.Attempt == string(d) && s.Outcome != nil }).Outcome
}

// text is the attempt's log.
func text(t *testing.T, d attemptdir.Dir) string {
	t.Helper()
	r, err := spool.Open(d.Log())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Scan(); err != nil {
		t.Fatal(err)
	}
	b, _, err := r.Read(spool.Pos{}, r.End(), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	frames, err := errand.ParseFrames(b)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range frames {
		all.Write(f.Data)
	}
	return all.String()
}

// eventually waits for something that only the file system, or the kernel, tells.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	limit := time.After(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

// pidIn waits for a file that a command writes, and returns the process ID in it.
func pidIn(t *testing.T, path string) int {
	t.Helper()
	var pid int
	eventually(t, "a process ID in "+path, func() bool {
		b, err := os.ReadFile(path)
		if err == nil && strings.HasSuffix(string(b), "\n") {
			pid, err = strconv.Atoi(strings.TrimSpace(string(b)))
		}
		return err == nil && pid > 0
	})
	return pid
}

// One supervisor runs attempts one after the other. Its log and outcome are on disk.
func TestAttempts(t *testing.T) {
	t.Parallel()
	s := newSlot(t)
	c := s.start()
	var pids []string
	for n := 1; n <= 3; n++ {
		d := s.job(n, "echo $PPID", fmt.Sprintf("echo oops >&2; exit %d", n))
		run(t, c, d, supervisor.Lease{})
		out := outcome(t, c, d)
		if out.Reason != "" || out.Result.ExitCode != n || len(out.Result.Commands) != 2 {
			t.Fatalf("attempt %d: %+v", n, out)
		}
		pid := string(out.Result.Commands[0].Stdout.Head)
		pids = append(pids, pid)
		if want := "$ echo $PPID\n" + pid + fmt.Sprintf("errand: exit code 0\n$ echo oops >&2; exit %d\noops\nerrand: exit code %d\n", n, n); text(t, d) != want {
			t.Errorf("log %q, want %q", text(t, d), want)
		}
		onDisk, err := d.Outcome()
		if err != nil || asJSON(t, onDisk) != asJSON(t, out) {
			t.Errorf("on disk %+v, %v; told %+v", onDisk, err, out)
		}
	}
	if pids[0] != pids[1] || pids[1] != pids[2] || pids[0] == strconv.Itoa(os.Getpid())+"\n" {
		t.Errorf("the commands' parents are %q, want one process that isn't this one", pids)
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// An attempt whose log can't be written has an outcome on disk, too.
func TestOutcomeWithoutALog(t *testing.T) {
	t.Parallel()
	s := newSlot(t)
	d := s.job(1, "true")
	if err := os.Mkdir(d.Log(), 0o700); err != nil {
		t.Fatal(err)
	}
	c := s.start()
	run(t, c, d, supervisor.Lease{})
	out := outcome(t, c, d)
	onDisk, err := d.Outcome()
	if err != nil || out.Reason != errand.ReasonAgentError || asJSON(t, onDisk) != asJSON(t, out) {
		t.Errorf("on disk %+v, %v; told %+v", onDisk, err, out)
	}
}

// The agent goes, another comes, and goes: the attempt runs on, and its outcome is on
// disk when the supervisor has ended.
func TestOutlivesItsAgents(t *testing.T) {
	t.Parallel()
	s := newSlot(t)
	gate := filepath.Join(s.data, "gate")
	d := s.job(1, "echo a; while ! test -e "+gate+"; do sleep 0.01; done; echo b")
	first := s.start()
	run(t, first, d, supervisor.Lease{})
	before := await(t, first, func(s supervisor.Status) bool { return s.Log.Log > 0 })
	first.Close()
	second := s.attach()
	if st := second.Status(); st.Attempt != string(d) || st.Log.Log < before.Log.Log || st.Outcome != nil {
		t.Errorf("the second agent sees %+v, the first saw %+v", st, before)
	}
	second.Close()
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the supervisor ends", func() bool {
		c, err := supervisor.Attach(t.Context(), s.data, 0)
		if err == nil {
			c.Close()
		}
		return errors.Is(err, supervisor.ErrNone)
	})
	out, err := d.Outcome()
	if err != nil || out.Reason != "" || string(out.Result.Commands[0].Stdout.Head) != "a\nb\n" {
		t.Errorf("outcome %+v, %v", out, err)
	}
}

// A second supervisor of a slot waits for the end of the first.
// TestNextAttemptWaits: an agent that found an attempt's outcome on disk may send the next
// one before the supervisor has noted that the first has ended.
func TestNextAttemptWaits(t *testing.T) {
	t.Parallel()
	s := newSlot(t)
	c := s.start()
	gate := filepath.Join(t.TempDir(), "gate")
	first, second := s.job(1, "while ! test -e '"+gate+"'; do sleep 0.01; done"), s.job(2, "exit 3")
	run(t, c, first, supervisor.Lease{})
	await(t, c, func(s supervisor.Status) bool { return s.Attempt == string(first) })
	run(t, c, second, supervisor.Lease{})
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if out := outcome(t, c, second); out.Result.ExitCode != 3 {
		t.Errorf("the second attempt: %+v", out)
	}
	if out, err := first.Outcome(); err != nil || out.Result.ExitCode != 0 {
		t.Errorf("the first attempt: %+v, %v", out, err)
	}
}

func TestOneSupervisorForASlot(t *testing.T) {
	t.Parallel()
	s := newSlot(t)
	first := s.start()
	if st := first.Status(); st.Attempt != "" {
		t.Errorf("a new one says %+v", st)
	}
	first.Close()
	second := s.start()
	d := s.job(1, "true")
	run(t, second, d, supervisor.Lease{})
	outcome(t, second, d)
}

// The agent is killed before it connects: the supervisor ends.
func TestAgentThatNeverConnects(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	if err := os.MkdirAll(filepath.Join(data, "slots", "0"), 0o700); err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience/2)
	defer cancel()
	cmd := exec.CommandContext(ctx, exe, "supervise", data, "0")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if said, err := io.ReadAll(stdout); err != nil || string(said) != "ready\n" { // it closes stdout
		t.Errorf("it says %q, %v", said, err)
	}
	if err := stdin.Close(); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ends with %v", err)
	}
}

// A path that is too long for a socket.
func TestLongDataDirectory(t *testing.T) {
	t.Parallel()
	s := newSlot(t)
	s.data = filepath.Join(s.data, strings.Repeat("long/", 40))
	if err := os.MkdirAll(s.data, 0o700); err != nil {
		t.Fatal(err)
	}
	c := s.start()
	d := s.job(1, "true")
	run(t, c, d, supervisor.Lease{})
	outcome(t, c, d)
	s.attach()
}

func TestEnd(t *testing.T) {
	t.Parallel()
	s := newSlot(t)
	c := s.start()
	for n, tt := range []struct {
		end          supervisor.End
		signal, last string
	}{
		{supervisor.End{Reason: errand.ReasonCancelled, Error: "enough"}, "terminated", "errand: enough\n"},
		{supervisor.End{Error: "it is another's", Kill: true}, "killed", ""},
	} {
		d := s.job(n+1, "sleep 600")
		run(t, c, d, supervisor.Lease{})
		await(t, c, func(s supervisor.Status) bool { return s.Attempt == string(d) && s.Log.Log > 0 })
		if err := c.Send(supervisor.Request{End: &tt.end}); err != nil {
			t.Fatal(err)
		}
		out := outcome(t, c, d)
		if out.Reason != tt.end.Reason || out.Error != tt.end.Error {
			t.Errorf("%+v: outcome %+v", tt.end, out)
		}
		if len(out.Result.Commands) > 0 && out.Result.Commands[0].Signal != tt.signal {
			t.Errorf("%+v: ended by %q, want %q", tt.end, out.Result.Commands[0].Signal, tt.signal)
		}
		if want := "$ sleep 600\n" + tt.last; text(t, d) != want {
			t.Errorf("%+v: log %q, want %q", tt.end, text(t, d), want)
		}
	}
}

// Without an agent the supervisor keeps the deadline by itself.
func TestLeaseEndsWithoutAnAgent(t *testing.T) {
	t.Parallel()
	s := newSlot(t)
	pidFile := filepath.Join(s.data, "pid")
	d := s.job(1, "echo $$ >"+pidFile+"; sleep 600")
	c := s.start()
	run(t, c, d, supervisor.Lease{Ends: true, Left: time.Hour})
	pid := pidIn(t, pidFile)
	if err := c.Send(supervisor.Request{Lease: &supervisor.Lease{Ends: true, Left: 50 * time.Millisecond}}); err != nil {
		t.Fatal(err)
	}
	c.Close()
	eventually(t, "the command ends", func() bool { return !alive(pid) })
	eventually(t, "the outcome is on disk", func() bool { _, err := d.Outcome(); return err == nil })
	if out, _ := d.Outcome(); out.Reason != errand.ReasonLost {
		t.Errorf("outcome %+v", out)
	}
}

// Deadlines follow the supervisor's clock. After a suspend the agent is asked first,
// if one is there.
func TestSuspend(t *testing.T) {
	t.Parallel()
	for _, renewed := range []bool{true, false} {
		t.Run(fmt.Sprint(renewed), func(t *testing.T) {
			t.Parallel()
			s := newSlot(t)
			manual := clock.NewManual(time.Unix(0, 0))
			here := supervisor.New(manual)
			c := here.Connect()
			d := s.job(1, "sleep 600")
			run(t, c, d, supervisor.Lease{Ends: true, Left: time.Minute})
			await(t, c, func(s supervisor.Status) bool { return s.Log.Log > 0 })
			manual.Suspend(time.Hour)
			await(t, c, func(s supervisor.Status) bool { return s.Asks == 1 })
			want := errand.ReasonLost
			if renewed {
				want = errand.ReasonCancelled
				if err := c.Send(supervisor.Request{Lease: &supervisor.Lease{Ends: true, Left: time.Hour}, End: &supervisor.End{Reason: want}}); err != nil {
					t.Fatal(err)
				}
				outcome(t, c, d)
			}
			eventually(t, "the attempt ends", func() bool {
				manual.Advance(time.Second)
				_, err := d.Outcome()
				return err == nil
			})
			if out := outcome(t, c, d); out.Reason != want {
				t.Errorf("outcome %+v, want %s", out, want)
			}
			c.Close()
			here.Wait()
		})
	}
}

// A supervisor that can't start says why.
func TestStartErrors(t *testing.T) {
	t.Parallel()
	s := newSlot(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := supervisor.Start(ctx, []string{"/bin/sh", "-c", "echo it is broken >&2"}, s.data, 0)
	if err == nil || !strings.Contains(err.Error(), "it is broken") {
		t.Errorf("%v", err)
	}
	if _, err := supervisor.Start(ctx, []string{"/no/such/program"}, s.data, 0); err == nil {
		t.Error("started what isn't there")
	}
	if _, err := supervisor.Attach(ctx, s.data, 7); !errors.Is(err, supervisor.ErrNone) {
		t.Errorf("attach to nothing: %v", err)
	}
}
