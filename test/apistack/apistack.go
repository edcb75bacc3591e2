// Package apistack is the whole API over the embedded stack, in this process, for
// tests.
package apistack

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/api/apitest"
	"github.com/errandhq/errand/internal/control"
	"github.com/errandhq/errand/internal/setup"
	"github.com/errandhq/errand/localstack"
)

// Owner is whose the Stack's user and agent tokens are.
const Owner = "tester"

// Stack is the API over the embedded stack, served on a loopback address. All its
// traffic is validated. It has the queues "default" and "gpu".
type Stack struct {
	Service *control.Service
	URL     string
	// Tokens, one of each role that operators grant.
	User, Agent, Admin string

	clock shiftedClock
}

// New starts a Stack, which ends with the test.
func New(t testing.TB) *Stack {
	t.Helper()
	s := &Stack{
		User: errand.NewToken(errand.RoleUser, ""), Agent: errand.NewToken(errand.RoleAgent, ""), Admin: errand.NewToken(errand.RoleAdmin, ""),
	}
	stack := s.start(t)
	s.Service = s.newService(t, stack)
	for token, role := range map[string]errand.Role{s.User: errand.RoleUser, s.Agent: errand.RoleAgent, s.Admin: errand.RoleAdmin} {
		s.Grant(t, token, role, Owner)
	}
	mux := http.NewServeMux()
	mux.Handle("/api/", apitest.Validate(t, api.NewHandler(s.Service, api.Options{Log: newLog(t)})))
	mux.Handle("/", stack.API(localstack.APIOptions{}))
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	s.URL = srv.URL
	return s
}

// start starts the embedded stack. Its functions do nothing: the tests call the
// Service.
func (s *Stack) start(t testing.TB) *localstack.Stack {
	t.Helper()
	idle := func(map[string]string) (localstack.Handler, error) {
		return lambda.NewHandler(func() error { return nil }), nil
	}
	functions := map[string]localstack.FunctionCode{setup.SweepName: {New: idle}}
	for _, e := range api.Endpoints() {
		functions[e.Name] = localstack.FunctionCode{New: idle}
	}
	stack, err := localstack.Start(t.Context(), localstack.Config{
		Clock: &s.clock, Template: errand.Template, Functions: functions, Logf: t.Logf,
		Parameters: map[string]string{"PollWait": "20s", "SignHosts": "127.0.0.1,errand.example,api.example"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stack.Close(); err != nil {
			t.Errorf("close the stack: %v", err)
		}
	})
	return stack
}

func (s *Stack) newService(t testing.TB, stack *localstack.Stack) *control.Service {
	t.Helper()
	env := stack.Environment("SweepFunction")
	settings, err := setup.ParseSettings(func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	gpu, err := sqs.NewFromConfig(stack.AWSConfig()).CreateQueue(t.Context(), &sqs.CreateQueueInput{
		QueueName: aws.String("gpu.fifo"), Attributes: map[string]string{"FifoQueue": "true"},
	})
	if err != nil {
		t.Fatal(err)
	}
	settings.Queues["gpu"], settings.QueueNames = *gpu.QueueUrl, append(settings.QueueNames, "gpu")
	settings.DirectFunction = "" // tests that need direct mode set Service.Direct
	return setup.NewService(setup.Process{AWS: stack.AWSConfig(), Clock: &s.clock, Log: newLog(t)}, settings)
}

// Advance moves the Stack's clock forward. Timers that run already end as they
// would have.
func (s *Stack) Advance(d time.Duration) { s.clock.offset.Add(int64(d)) }

// shiftedClock is the machine's clock, moved forward.
type shiftedClock struct{ offset atomic.Int64 }

// Now implements localstack.Clock.
func (c *shiftedClock) Now() time.Time { return time.Now().Add(time.Duration(c.offset.Load())) }

// AfterFunc implements localstack.Clock.
func (c *shiftedClock) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	return time.AfterFunc(d, f).Stop
}

// Grant makes a token known.
func (s *Stack) Grant(t testing.TB, token string, role errand.Role, owner string, queues ...string) {
	t.Helper()
	if err := s.Service.GrantToken(t.Context(), token, role, owner, queues); err != nil {
		t.Fatal(err)
	}
}

// Client returns a client with the token.
func (s *Stack) Client(token string) *api.Client { return &api.Client{BaseURL: s.URL, Token: token} }

// A Worker is a registered worker and a client with its token.
type Worker struct {
	errand.Registered
	Client *api.Client
}

// Worker registers a worker.
func (s *Stack) Worker(t testing.TB) *Worker {
	t.Helper()
	r, err := s.Client(s.Agent).Register(t.Context(), errand.Registration{Name: "box", OS: "linux", Arch: "arm64"})
	if err != nil {
		t.Fatal(err)
	}
	return &Worker{r, s.Client(r.Token)}
}

// Run takes a job and reports that it ended with the exit code.
func (k *Worker) Run(t testing.TB, exitCode int) {
	t.Helper()
	a, err := k.Client.GetJob(t.Context(), k.WorkerID, k.Epoch, "run", 0)
	if err != nil || a == nil {
		t.Fatalf("took %+v, %v", a, err)
	}
	_, err = k.Client.SubmitResult(t.Context(), api.SubmitResult{
		WorkerID: k.WorkerID, Epoch: k.Epoch, JobID: a.JobID, Attempt: a.Attempt, Result: errand.Result{ExitCode: exitCode},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Job is a job that runs one shell command.
func Job(command string) api.CreateJob {
	return api.CreateJob{Commands: []errand.Command{{Shell: command}}}
}

// newLog writes to the test's log. What comes after the test's end is dropped.
func newLog(t testing.TB) *slog.Logger {
	var mu sync.Mutex
	over := false
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		over = true
	})
	return slog.New(slog.NewTextHandler(writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		if !over {
			t.Logf("%s", p)
		}
		return len(p), nil
	}), &slog.HandlerOptions{Level: slog.LevelInfo}))
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
