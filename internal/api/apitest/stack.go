package apitest

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/control"
)

// Owner is whose the Stack's user and agent tokens are.
const Owner = "tester"

// Stack is the API over fakes, served on a loopback address. All its traffic
// is validated.
type Stack struct {
	Service *control.Service
	Store   *Store
	Queue   *Queue
	Blobs   *Blobs
	URL     string
	// Tokens, one of each role that operators grant.
	User, Agent, Admin string

	offset atomic.Int64 // of the Stack's clock from the machine's
}

// New starts a Stack; change, if not nil, may alter what its Service is made of.
func New(t testing.TB, change func(*control.Config)) *Stack {
	t.Helper()
	s := &Stack{
		User: errand.NewToken(errand.RoleUser, ""), Agent: errand.NewToken(errand.RoleAgent, ""), Admin: errand.NewToken(errand.RoleAdmin, ""),
	}
	s.Store, s.Queue, s.Blobs = NewStore(), NewQueue(s.Now), NewBlobs(s.Now)
	c := control.Config{
		Store: s.Store, Queue: s.Queue, Blobs: s.Blobs, Timing: errand.DefaultTiming(), Queues: []string{errand.DefaultQueue, "gpu"},
		Now: s.Now, NewID: func(now time.Time) string { return ulid.MustNew(ulid.Timestamp(now), rand.Reader).String() },
	}
	if change != nil {
		change(&c)
	}
	s.Service = control.NewService(c)
	for token, role := range map[string]errand.Role{s.User: errand.RoleUser, s.Agent: errand.RoleAgent, s.Admin: errand.RoleAdmin} {
		s.Grant(t, token, role, Owner)
	}
	mux := http.NewServeMux()
	mux.Handle("/api/", Validate(t, api.NewHandler(s.Service, api.Options{Log: Logger(t)})))
	mux.Handle("/blobs/", s.Blobs)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	s.URL = srv.URL
	return s
}

// Now is the Stack's time, and Advance moves it.
func (s *Stack) Now() time.Time { return time.Now().Add(time.Duration(s.offset.Load())) }

// Advance moves the Stack's clock forward.
func (s *Stack) Advance(d time.Duration) { s.offset.Add(int64(d)) }

// Grant makes a token known.
func (s *Stack) Grant(t testing.TB, token string, role errand.Role, owner string, queues ...string) {
	t.Helper()
	if err := s.Service.GrantToken(context.Background(), token, role, owner, queues); err != nil {
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
	r, err := s.Client(s.Agent).Register(context.Background(), errand.Registration{Name: "box", OS: "linux", Arch: "arm64"})
	if err != nil {
		t.Fatal(err)
	}
	return &Worker{r, s.Client(r.Token)}
}

// Logger writes to the test's log. What comes after the test's end is dropped.
func Logger(t testing.TB) *slog.Logger {
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
