//go:build unix

package flow

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/control"
	"github.com/errandhq/errand/internal/setup"
	"github.com/errandhq/errand/localstack"
)

// plant is the whole product on one clock: the real functions behind the real
// gateway, their schedules, and real agents, each behind a proxy of its own.
type plant struct {
	t     *testing.T
	clock *localstack.ManualClock
	api   http.Handler
	user  *api.Client
	svc   *control.Service
	log   *slog.Logger
}

// agentLease is shorter than the outage, so that the sweep presumes the job lost.
const agentLease = 60 * time.Second

func newPlant(t *testing.T) *plant {
	t.Helper()
	log := slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	p := &plant{t: t, clock: localstack.NewManualClock(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)), log: log}
	var stack *localstack.Stack
	functions := map[string]localstack.FunctionCode{}
	names := []string{setup.SweepName}
	for _, e := range api.Endpoints() {
		names = append(names, e.Name)
	}
	for _, name := range names {
		functions[name] = localstack.FunctionCode{New: func(env map[string]string) (localstack.Handler, error) {
			return setup.Handler(name, func(k string) string { return env[k] }, setup.Process{AWS: awsOf(stack), Clock: p.clock, Log: log})
		}}
	}
	stack, err := localstack.Start(t.Context(), localstack.Config{
		Clock: p.clock, Template: errand.Template, Functions: functions, Logf: t.Logf,
		Parameters: map[string]string{"SignHosts": "127.0.0.1", "Hosts": "127.0.0.1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stack.Close() })
	env := stack.Environment("SweepFunction")
	settings, err := setup.ParseSettings(func(k string) string { return env[k] })
	if err != nil {
		t.Fatal(err)
	}
	p.svc = setup.NewService(setup.Process{AWS: awsOf(stack), Clock: p.clock, Log: log}, settings)
	for role, token := range map[errand.Role]string{errand.RoleUser: "u", errand.RoleAgent: "a"} {
		if err := p.svc.GrantToken(t.Context(), token, role, "ann", nil); err != nil {
			t.Fatal(err)
		}
	}
	p.api = stack.API(localstack.APIOptions{})
	p.user = &api.Client{BaseURL: p.newProxy().URL, Token: "u"}
	return p
}

// proxy passes requests on to the API and storage, or breaks connections while shut.
type proxy struct {
	*httptest.Server
	shut    atomic.Bool
	before  atomic.Pointer[func(r *http.Request)] // each request; nil: nothing
	mu      sync.Mutex
	reports int // that were taken
}

func (p *plant) newProxy() *proxy {
	d := &proxy{}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.shut.Load() {
			panic(http.ErrAbortHandler)
		}
		if before := d.before.Load(); before != nil {
			(*before)(r)
		}
		if r.URL.Path != "/api/workers/sync" {
			p.api.ServeHTTP(w, r)
			return
		}
		rec := httptest.NewRecorder()
		p.api.ServeHTTP(rec, r)
		d.count(rec.Body.Bytes())
		maps.Copy(w.Header(), rec.Header())
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
	}))
	p.t.Cleanup(d.Close)
	return d
}

func (d *proxy) count(body []byte) {
	var answer api.Synced
	_ = json.Unmarshal(body, &answer)
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range answer.Reports {
		if r.Problem == nil {
			d.reports++
		}
	}
}

func (d *proxy) reported() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.reports
}

// agent runs the real agent, by the same clock, until the test ends.
func (p *plant) agent(name string) *proxy {
	p.t.Helper()
	d := p.newProxy()
	hc := &http.Client{Transport: &http.Transport{}}
	a, err := agent.New(agent.Config{
		Client: &api.Client{BaseURL: d.URL, Token: "a", HTTP: hc}, HTTP: hc, DataDir: p.t.TempDir(), Name: name,
		Clock: p.clock, Log: p.log.With("agent", name), PipeWait: 100 * time.Millisecond, Grace: time.Second, StopTimeout: time.Second,
		Environment: agent.Environment{TempDir: p.t.TempDir()},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- a.Run(context.WithoutCancel(p.t.Context())) }()
	p.t.Cleanup(func() {
		a.Cancel()
		if err := <-done; err != nil {
			p.t.Errorf("agent %s: %v", name, err)
		}
		hc.CloseIdleConnections()
	})
	return d
}

// patience only ends a stuck test.
const patience = 2 * time.Minute

// pass advances the clock by d, a second at a time, and gives the agents a little
// real time at each step. It returns early once until is true.
func (p *plant) pass(d time.Duration, until func() bool) {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for range int(d / time.Second) {
		if until != nil && until() {
			return
		}
		p.clock.Advance(time.Second)
		<-tick.C
	}
}

// await waits until cond is true. The clock stands still, or advances by step every
// 20 ms.
func (p *plant) await(what string, step time.Duration, cond func() bool) {
	p.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for limit := time.After(patience); !cond(); {
		select {
		case <-tick.C:
			p.clock.Advance(step)
		case <-limit:
			p.t.Fatalf("waited in vain: %s", what)
		}
	}
}

func (p *plant) job(id string) api.Job {
	p.t.Helper()
	job, err := p.user.Job(p.t.Context(), id)
	if err != nil {
		p.t.Fatal(err)
	}
	return job
}

// stdout reads an ended job's whole log, checks that it is what the result
// sealed, and returns what the commands said.
func (p *plant) stdout(id string) string {
	p.t.Helper()
	var all, out bytes.Buffer
	for next := int64(0); ; {
		page, err := p.user.Logs(p.t.Context(), id, 0, next, 0)
		if err != nil {
			p.t.Fatal(err)
		}
		for _, f := range page.Frames {
			all.Write(f.Data)
			if f.Stream == errand.Stdout.Name() {
				out.Write(f.Data)
			}
		}
		if !page.Done {
			if page.Next == next {
				p.t.Fatalf("the log stops at byte %d", next)
			}
			next = page.Next
			continue
		}
		sum := sha256.Sum256(all.Bytes())
		if page.Bytes == nil || *page.Bytes != int64(all.Len()) || page.SHA256 != hex.EncodeToString(sum[:]) {
			p.t.Errorf("%d bytes of log, not what the result sealed", all.Len())
		}
		return out.String()
	}
}

// script is a command that prints its name, waits at a gate of its attempt, and
// prints the rest.
type script struct {
	t   *testing.T
	dir string
}

func (s script) command() errand.Command {
	return errand.Command{Shell: fmt.Sprintf(`cd '%s'; echo run $ERRAND_ATTEMPT >> runs
echo before $ERRAND_ATTEMPT; seq 1 60000; echo $$ > pid.tmp; mv pid.tmp pid.$ERRAND_ATTEMPT
while [ -d . ] && [ ! -e gate.$ERRAND_ATTEMPT ]; do sleep 0.02; done
seq 1 60000; echo after $ERRAND_ATTEMPT; exit 4`, s.dir)}
}

func (s script) said(attempt int) string {
	var seq strings.Builder
	for i := range 60000 {
		fmt.Fprintln(&seq, i+1)
	}
	return fmt.Sprintf("before %d\n%s%safter %d\n", attempt, &seq, &seq, attempt)
}

func (s script) open(attempt int) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, fmt.Sprint("gate.", attempt)), nil, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// pid returns the process ID of an attempt's shell; 0 if it hasn't reached the gate
// yet.
func (s script) pid(attempt int) (pid int) {
	b, err := os.ReadFile(filepath.Join(s.dir, fmt.Sprint("pid.", attempt)))
	if err == nil {
		_, err = fmt.Sscan(string(b), &pid)
	}
	if err != nil {
		return 0
	}
	return pid
}

func (s script) runs() string {
	b, _ := os.ReadFile(filepath.Join(s.dir, "runs")) // what isn't there has not run
	return string(b)
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

// begin creates a job. It returns when an agent runs it, a heartbeat has named it, and
// the clock stands still.
func (p *plant) begin(s script, maxAttempts int) (id string) {
	p.t.Helper()
	job, err := p.user.CreateJob(p.t.Context(), api.CreateJob{
		Commands: []errand.Command{s.command()}, MaxAttempts: maxAttempts, LeaseSeconds: int(agentLease.Seconds()),
	}, "")
	if err != nil {
		p.t.Fatal(err)
	}
	p.await("an agent takes the job", time.Second, func() bool { return p.job(job.ID).Status == errand.Running })
	p.await("its commands run", 0, func() bool { return s.pid(1) != 0 })
	p.await("its first heartbeat", time.Second, func() bool {
		st, err := p.svc.Store.State(p.t.Context(), job.ID)
		if err != nil {
			p.t.Fatal(err)
		}
		r := st.Record()
		return r.Heard
	})
	return job.ID
}

// TestOutage: the control plane is down for five minutes, longer than the lease,
// while a job runs that no other worker may run. The sweep presumes the job lost.
// The job ends during the outage and is reported once when the control plane is
// back, with its whole log.
func TestOutage(t *testing.T) {
	p := newPlant(t)
	d := p.agent("only")
	s := script{t, t.TempDir()}
	id := p.begin(s, 1)

	d.shut.Store(true)
	p.pass(4*time.Minute, nil)
	if !alive(s.pid(1)) {
		t.Fatal("the job was killed")
	}
	if job := p.job(id); job.Status != errand.Failed || job.Reason != errand.ReasonLost {
		t.Errorf("meanwhile the job is %s %s, want failed: lost", job.Status, job.Reason)
	}
	s.open(1)
	p.pass(time.Minute, nil)
	d.shut.Store(false)

	p.await("the report", time.Second, func() bool { return p.job(id).Status == errand.Completed })
	if job := p.job(id); job.ExitCode == nil || *job.ExitCode != 4 || job.Attempt != 1 {
		t.Errorf("exit code %v by attempt %d, want 4 by the first", job.ExitCode, job.Attempt)
	}
	if got, want := p.stdout(id), s.said(1); got != want {
		t.Errorf("the log has %d bytes of output, want %d", len(got), len(want))
	}
	p.pass(2*time.Minute, nil) // nobody takes it again
	if got := s.runs(); got != "run 1\n" {
		t.Errorf("ran as %q, want once", got)
	}
	if n := d.reported(); n != 1 {
		t.Errorf("%d reports", n)
	}
}

// TestOutageOfOneWorker: an agent that is cut off for five minutes kills a retryable
// job before its lease ends. Another worker finishes the job, and the first reports
// nothing when it is back.
func TestOutageOfOneWorker(t *testing.T) {
	p := newPlant(t)
	cut := p.agent("cut off")
	s := script{t, t.TempDir()}
	id := p.begin(s, 2)
	pid := s.pid(1)

	cut.shut.Store(true)
	p.pass(45*time.Second, nil)
	if !alive(pid) {
		t.Fatal("killed too early")
	}
	p.pass(6*time.Second, nil) // 51 of 60: ten seconds before the end are the margin
	p.await("the agent kills it", 0, func() bool { return !alive(pid) })
	if job := p.job(id); job.Status != errand.Running || job.Attempt != 1 {
		t.Errorf("when it was dead the job was %s, attempt %d; want running, attempt 1: nobody else may have it yet", job.Status, job.Attempt)
	}

	other := p.agent("other")
	s.open(2)
	p.await("another finishes it", time.Second, func() bool { return p.job(id).Status.Terminal() })
	p.pass(4*time.Minute, nil)
	cut.shut.Store(false)
	p.pass(time.Minute, nil)
	job := p.job(id)
	if job.Status != errand.Completed || job.Attempt != 2 || job.ExitCode == nil || *job.ExitCode != 4 {
		t.Errorf("the job is %s %s by attempt %d, exit code %v; want completed by the second, 4", job.Status, job.Reason, job.Attempt, job.ExitCode)
	}
	if got, want := p.stdout(id), s.said(2); got != want {
		t.Errorf("the log has %d bytes of output, want %d", len(got), len(want))
	}
	if got := s.runs(); got != "run 1\nrun 2\n" {
		t.Errorf("ran as %q", got)
	}
	if a, b := cut.reported(), other.reported(); a != 0 || b != 1 {
		t.Errorf("%d reports of the first agent, %d of the other; want none and one", a, b)
	}
}
