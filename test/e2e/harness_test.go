//go:build unix

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/test/errandbin"
)

// patience limits every wait, so that a stuck test ends. In the hostile profile some
// things wait for the sweep, which takes up to two minutes each.
var patience = 90 * time.Second

// leaseOver is longer than a lease of fast.
var leaseOver = 10 * time.Second

func init() {
	if errandbin.Hostile() { // a heartbeat may take seconds, of which the SDK waits most
		patience = 6 * time.Minute
		fast = []string{"--heartbeat", "500ms", "--lease", "15s", "--short-lease", "10s", "--sweep", "1s"}
		leaseOver = 20 * time.Second
	}
}

// proc is a program that a test started.
type proc struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout *lines
	stderr *lines
	done   chan struct{}
}

// start runs the program until the test ends, in an environment without any
// settings of the machine's user.
func start(t *testing.T, args ...string) *proc {
	t.Helper()
	return startWith(t, nil, args...)
}

// startWith is start with variables of the environment.
func startWith(t *testing.T, env []string, args ...string) *proc {
	t.Helper()
	return startAs(t, &syscall.SysProcAttr{Setpgid: true}, env, args...)
}

// startAs is startWith with attributes of the process.
func startAs(t *testing.T, attr *syscall.SysProcAttr, env []string, args ...string) *proc {
	t.Helper()
	p := &proc{t: t, cmd: exec.Command(errandBin, args...), stdout: newLines(), stderr: newLines(), done: make(chan struct{})}
	p.cmd.Env = append(cleanEnv(t), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.stdout, p.stderr
	p.cmd.SysProcAttr = attr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is in ProcessState
		p.stdout.close()
		p.stderr.close()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.signal(syscall.SIGKILL)
		<-p.done
		if t.Failed() {
			t.Logf("%s: stderr:\n%s", strings.Join(args[:1], " "), p.stderr)
		}
	})
	return p
}

func cleanEnv(t *testing.T) []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "ERRAND_") && !strings.HasPrefix(e, "AWS_") {
			env = append(env, e)
		}
	}
	return append(env, "NO_COLOR=1", "GORACE=atexit_sleep_ms=0", "TMPDIR="+t.TempDir(), // killed agents leave files there
		"XDG_CACHE_HOME="+filepath.Join(filepath.Dir(t.TempDir()), "cache"))
}

func (p *proc) signal(s syscall.Signal) {
	select {
	case <-p.done:
	default:
		_ = p.cmd.Process.Signal(s) // it may have ended just now
	}
}

// kill kills the process, and waits for it.
func (p *proc) kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// wait returns the exit code.
func (p *proc) wait() int {
	p.t.Helper()
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		p.t.Fatalf("%v did not end; stdout %q, stderr %q", p.cmd.Args, p.stdout, p.stderr)
		return -1
	}
}

// lines collects output and lets tests wait for a piece of it.
type lines struct {
	mu     sync.Mutex
	buf    bytes.Buffer
	pieces []piece
	change chan struct{}
	closed bool
}

// piece says when the output up to an offset had come.
type piece struct {
	end int
	at  time.Time
}

func newLines() *lines { return &lines{change: make(chan struct{})} }

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wake()
	n, err := l.buf.Write(b)
	l.pieces = append(l.pieces, piece{l.buf.Len(), time.Now()})
	return n, err
}

// arrived is when all of s, where it first stands in the output, had come.
func (l *lines) arrived(t *testing.T, s string) time.Time {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	at := strings.Index(l.buf.String(), s)
	for _, p := range l.pieces {
		if at >= 0 && p.end >= at+len(s) {
			return p.at
		}
	}
	t.Fatalf("no %q in the output:\n%s", s, l.buf.String())
	return time.Time{}
}

func (l *lines) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.wake()
}

func (l *lines) wake() {
	close(l.change)
	l.change = make(chan struct{})
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// await waits until the output holds s.
func (l *lines) await(t *testing.T, s string) {
	t.Helper()
	limit := time.After(patience)
	for {
		l.mu.Lock()
		found, closed, change := strings.Contains(l.buf.String(), s), l.closed, l.change
		l.mu.Unlock()
		if found {
			return
		}
		if closed {
			t.Fatalf("the output ended without %q:\n%s", s, l)
		}
		select {
		case <-change:
		case <-limit:
			t.Fatalf("no %q in the output:\n%s", s, l)
		}
	}
}

// server is a running `errand local`.
type server struct {
	*proc
	url  string
	data string
}

// fast are the settings of tests that wait for leases to end.
var fast = []string{"--heartbeat", "500ms", "--lease", "8s", "--short-lease", "5s", "--sweep", "1s"}

// local starts a server (with the flags in ERRAND_E2E_FLAGS, which make
// test-isolate sets) on a free port with a new data directory.
func local(t *testing.T, agents string, flags ...string) *server {
	t.Helper()
	return localAt(t, t.TempDir(), "127.0.0.1:0", agents, flags...)
}

func localAt(t *testing.T, data, addr, agents string, flags ...string) *server {
	t.Helper()
	return localWith(t, nil, data, addr, agents, flags...)
}

// localWith is localAt with variables of the environment.
func localWith(t *testing.T, env []string, data, addr, agents string, flags ...string) *server {
	t.Helper()
	args := append([]string{"local", "--addr", addr, "--data", data, "--agents", agents}, errandbin.ProfileFlags(t)...)
	args = append(args, strings.Fields(os.Getenv("ERRAND_E2E_FLAGS"))...)
	p := startWith(t, env, append(args, flags...)...)
	p.stdout.await(t, "\n")
	url, _, _ := strings.Cut(p.stdout.String(), "\n")
	if !strings.HasPrefix(url, "http://127.0.0.1:") {
		t.Fatalf("the first line is %q, want the URL", url)
	}
	return &server{proc: p, url: url, data: data}
}

// restart starts a server again at the same address, on the same data.
func (s *server) restart(agents string, flags ...string) *server {
	s.t.Helper()
	addr := strings.TrimPrefix(s.url, "http://")
	awaitFree(s.t, addr)
	return localAt(s.t, s.data, addr, agents, flags...)
}

// awaitFree waits until nothing holds an address of the machine. Linux may give the port
// of a server that is gone to a client's connection, even to one that tries to reach it.
func awaitFree(t *testing.T, addr string) {
	t.Helper()
	limit := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		l, err := net.Listen("tcp", addr)
		if err == nil {
			l.Close()
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal(err)
		}
	}
}

func (s *server) tokenFile(role string) string { return filepath.Join(s.data, role+".token") }

func (s *server) token(role string) string {
	s.t.Helper()
	b, err := os.ReadFile(s.tokenFile(role))
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// client calls the API as the local user.
func (s *server) client() *api.Client { return &api.Client{BaseURL: s.url, Token: s.token("user")} }

// agent starts an agent of its own.
func (s *server) agent(data string, flags ...string) *proc {
	s.t.Helper()
	return s.agentAt(s.url, data, flags...)
}

func (s *server) agentAt(url, data string, flags ...string) *proc {
	s.t.Helper()
	p := start(s.t, append([]string{"agent", "--server", url, "--token-file", s.tokenFile("agent"), "--data", data}, flags...)...)
	return p
}

// errand starts a client command.
func (s *server) errand(args ...string) *proc {
	s.t.Helper()
	return start(s.t, append(args[:1:1], append([]string{"--server", s.url, "--token-file", s.tokenFile("user")}, args[1:]...)...)...)
}

// output runs a client command that must succeed, and returns its stdout.
func (s *server) output(args ...string) string {
	s.t.Helper()
	p := s.errand(args...)
	if code := p.wait(); code != 0 {
		s.t.Fatalf("errand %v: exit code %d, stderr:\n%s", args, code, p.stderr)
	}
	return p.stdout.String()
}

// submit runs `errand run --detach` and returns the job's ID.
func (s *server) submit(args ...string) string {
	s.t.Helper()
	return strings.TrimSpace(s.output(append([]string{"run", "--detach"}, args...)...))
}

// job reads a job by the CLI's JSON.
func (s *server) job(id string) api.Job {
	s.t.Helper()
	var job api.Job
	if err := json.Unmarshal([]byte(s.output("job", id, "--json")), &job); err != nil {
		s.t.Fatal(err)
	}
	return job
}

// awaitJob waits until ok holds for the job.
func (s *server) awaitJob(id string, what string, ok func(api.Job) bool) api.Job {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		job, err := s.client().Job(ctx, id)
		if err == nil && ok(job) {
			return job
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.t.Fatalf("job %s is never %s: %+v, %v", id, what, job, err)
		}
	}
}

// again calls the API as long as its answer is one that may pass.
func again[T any](t *testing.T, f func() (T, error)) (T, error) {
	t.Helper()
	limit := time.After(patience)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		v, err := f()
		if _, temporary := api.Temporary(err); err == nil || !temporary {
			return v, err
		}
		select {
		case <-tick.C:
		case <-limit:
			return v, err
		}
	}
}

// newest waits for the list, which may lag behind, to show a job, and returns it.
func (s *server) newest() api.Job {
	s.t.Helper()
	limit := time.After(patience)
	for {
		var list api.JobList
		if err := json.Unmarshal([]byte(s.output("jobs", "--json")), &list); err != nil {
			s.t.Fatal(err)
		}
		if len(list.Jobs) > 1 {
			s.t.Fatalf("the list shows %d jobs, want one: %+v", len(list.Jobs), list)
		}
		if len(list.Jobs) == 1 {
			return s.job(list.Jobs[0].ID) // what the list shows of it may be old, too
		}
		select {
		case <-limit:
			s.t.Fatal("the list never shows the job")
		default:
		}
	}
}

func ended(j api.Job) bool { return j.Status.Terminal() }

func running(j api.Job) bool { return j.Status == errand.Running }

// files makes a folder of files.
func files(t *testing.T, content map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range content {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// gate is a file that a job's command waits for, so that tests say how long a
// job runs. Commands that outlive their agent end when the test's files go.
type gate struct {
	t   *testing.T
	dir string
}

func newGate(t *testing.T) *gate {
	t.Helper()
	return &gate{t, t.TempDir()}
}

// wait is the shell command that waits at the gate.
func (g *gate) wait() string {
	return fmt.Sprintf("while test -d '%s' -a ! -e '%s/open'; do sleep 0.05; done", g.dir, g.dir)
}

// open lets all commands pass that wait at the gate, or will.
func (g *gate) open() {
	g.t.Helper()
	if err := os.WriteFile(filepath.Join(g.dir, "open"), nil, 0o600); err != nil {
		g.t.Fatal(err)
	}
}
