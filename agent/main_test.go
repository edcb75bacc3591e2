package agent_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent"
	"github.com/errandhq/errand/agent/internal/supervisor"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/backoff"
	"github.com/errandhq/errand/internal/clock"
)

// An agent that is to be killed is this test binary, re-executed.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "supervise" {
		os.Exit(supervisor.Main(os.Args[2:]))
	}
	if dir := os.Getenv("AGENT_TEST_DATA"); dir != "" {
		limitFiles(os.Getenv("AGENT_TEST_FILE_LIMIT"))
		c := agent.Config{
			Client: &api.Client{BaseURL: os.Getenv("AGENT_TEST_SERVER"), Token: agentToken}, DataDir: dir, Backoff: quick,
			Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		}
		if os.Getenv("AGENT_TEST_TICKING") != "" {
			c.Clock = tickingClock()
		}
		if exe := os.Getenv("AGENT_TEST_SUPERVISOR"); exe != "" {
			c.Supervisor = []string{exe, "supervise"}
		}
		a, err := agent.New(c)
		if err == nil {
			err = a.Run(context.Background())
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

var quick = backoff.Policy{Min: time.Millisecond, Max: 10 * time.Millisecond}

func newManual() *clock.Manual { return clock.NewManual(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)) }

// tickingClock runs as ticking lets it, until this process ends.
func tickingClock() clock.Clock {
	c := newManual()
	go func() {
		for range time.Tick(step) {
			c.Advance(time.Second)
		}
	}()
	return c
}

// step is the least real time for each second of a manual clock: for the agent to act in.
const step = 5 * time.Millisecond

// ticking lets the clock run while wait waits for what the agent does after some time.
func ticking(clock *clock.Manual, wait func()) {
	over, ended := make(chan struct{}), make(chan struct{})
	defer func() { close(over); <-ended }()
	go func() {
		defer close(ended)
		tick := time.NewTicker(step)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				clock.Advance(time.Second)
			case <-over:
				return
			}
		}
	}()
	wait()
}

// runner is an agent under test.
type runner struct {
	*agent.Agent
	t    *testing.T
	s    *server
	dir  string
	done chan error
}

// client is an API client with the agent token.
func (s *server) client() *api.Client { return &api.Client{BaseURL: s.URL, Token: agentToken} }

// run starts an agent on the server; change may change its settings. It is
// cancelled at the test's end, and must return.
func (s *server) run(change func(*agent.Config)) *runner {
	s.t.Helper()
	transport := &http.Transport{}
	hc := &http.Client{Transport: transport}
	c := agent.Config{
		Client: &api.Client{BaseURL: s.URL, Token: agentToken, HTTP: hc}, HTTP: hc, DataDir: s.t.TempDir(), Name: "tester", Backoff: quick,
		Grace: 2 * time.Second, PipeWait: 100 * time.Millisecond, StopTimeout: 5 * time.Second,
		Log: slog.New(slog.NewTextHandler(testWriter{s.t}, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	c.Environment.TempDir = s.t.TempDir()
	if change != nil {
		change(&c)
	}
	a, err := agent.New(c)
	if err != nil {
		s.t.Fatal(err)
	}
	r := &runner{Agent: a, t: s.t, s: s, dir: c.DataDir, done: make(chan error, 1)}
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		r.done <- a.Run(s.t.Context())
	}()
	s.t.Cleanup(func() {
		a.Cancel()
		wait := func() {
			select {
			case <-returned:
			case <-time.After(patience):
				s.t.Error("the agent does not end")
			}
		}
		if manual, ok := c.Clock.(*clock.Manual); ok {
			ticking(manual, wait) // a report that was cut off is tried again after a while
		} else {
			wait()
		}
		transport.CloseIdleConnections()
	})
	return r
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(string(bytes.TrimSpace(p)))
	return len(p), nil
}

// lockedBuffer is a log that is read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// ended waits for Run's return.
func (r *runner) ended() error {
	r.t.Helper()
	select {
	case err := <-r.done:
		return err
	case <-time.After(patience):
		r.t.Fatal("the agent does not end")
		return nil
	}
}

// eventually waits for something that only the file system tells.
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

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// idle waits until no attempt's directory is left.
func (r *runner) idle() {
	r.t.Helper()
	eventually(r.t, "the attempt's directory goes", func() bool {
		left, _ := filepath.Glob(filepath.Join(r.dir, "attempts", "*"))
		return len(left) == 0
	})
}

const jobID = "01JD0000000000000000000000"

// job is an assignment of shell commands.
func (s *server) job(lines ...string) *errand.Assignment {
	a := &errand.Assignment{
		JobID: jobID, Attempt: 1, LeaseSeconds: 30, FullLeaseSeconds: 60, TimeoutSeconds: 600, Queue: "default",
		Env: map[string]string{"GREETING": "hello"}, Write: s.grant(jobID, 1),
	}
	for _, l := range lines {
		a.Commands = append(a.Commands, errand.Command{Shell: l})
	}
	return a
}

// give puts jobs into the queue.
func (s *server) give(as ...*errand.Assignment) { s.set(func() { s.queue = append(s.queue, as...) }) }

// result waits for the one result.
func (s *server) result() errand.Result {
	s.t.Helper()
	s.await("a result", func() bool { return len(s.results)+len(s.failures) > 0 })
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.results) != 1 || len(s.failures) != 0 {
		s.t.Fatalf("results %+v, failures %+v", s.results, s.failures)
	}
	return s.results[0].Result
}

// failure waits for the one failure.
func (s *server) failure() errand.Failure {
	s.t.Helper()
	s.await("a failure", func() bool { return len(s.results)+len(s.failures) > 0 })
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.results) != 0 || len(s.failures) != 1 {
		s.t.Fatalf("results %+v, failures %+v", s.results, s.failures)
	}
	return s.failures[0].Failure
}

// source makes an archive of the files and grants it to a.
func (s *server) source(a *errand.Assignment, files map[string]string) {
	var b bytes.Buffer
	zw := zip.NewWriter(&b)
	for name, content := range files {
		w, err := zw.Create(name)
		if err != nil {
			s.t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := zw.Close(); err != nil {
		s.t.Fatal(err)
	}
	s.rawSource(a, b.Bytes())
}

func (s *server) rawSource(a *errand.Assignment, content []byte) {
	sum := sha256.Sum256(content)
	hash := hex.EncodeToString(sum[:])
	s.set(func() { s.sources[hash] = content })
	a.Source = &errand.SourceGrant{
		Source:   errand.Source{SHA256: hash, Size: int64(len(content))},
		Download: errand.SignedRequest{Method: "GET", URL: s.URL + "/bucket/" + hash},
	}
}
