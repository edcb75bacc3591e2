package agent_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent"
)

// TestChosenID: an agent with a chosen ID and a new data directory replaces the
// worker with this ID, but waits while that is online. Once registered, it
// replaces no other.
func TestChosenID(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	refused := 0
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		if r.URL.Path != "/api/workers/register" || refused == 3 {
			return false
		}
		refused++
		problem(w, errand.CodeConflict)
		return true
	}
	first := s.run(func(c *agent.Config) { c.WorkerID = "box-3" })
	first.endAfterRegistration()
	for _, id := range []string{"box-3", ""} {
		s.run(func(c *agent.Config) { c.DataDir, c.WorkerID = first.dir, id }).endAfterRegistration()
	}
	for i, r := range s.registrations {
		if r.WorkerID != "box-3" || r.Token != s.registrations[0].Token || r.Replace != (i == 0) {
			t.Errorf("registration %d: %+v", i, r)
		}
	}
	if len(s.registrations) != 3 || refused != 3 {
		t.Errorf("%d registrations, %d refused", len(s.registrations), refused)
	}
	other := s.run(func(c *agent.Config) { c.DataDir, c.WorkerID = first.dir, "box-4" })
	if err := other.ended(); err == nil || !strings.Contains(err.Error(), "the data directory belongs to the worker box-3") || !strings.Contains(err.Error(), filepath.Join(first.dir, "identity.json")) {
		t.Errorf("another ID: %v", err)
	}
}

// endAfterRegistration drains the agent once it has registered.
func (r *runner) endAfterRegistration() {
	r.t.Helper()
	r.s.mu.Lock()
	polls := len(r.s.polls)
	r.s.mu.Unlock()
	r.s.await("a poll", func() bool { return len(r.s.polls) > polls })
	r.Drain()
	if err := r.ended(); err != nil {
		r.t.Fatal(err)
	}
}

func TestBadID(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, id := range []string{"a b", "box.example.net", strings.Repeat("x", 65)} {
		if _, err := agent.New(agent.Config{Client: s.client(), DataDir: t.TempDir(), WorkerID: id}); err == nil {
			t.Errorf("%q was accepted", id)
		}
	}
}
