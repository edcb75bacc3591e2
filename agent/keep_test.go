//go:build unix

package agent_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent"
)

// An agent that stops before the server accepts its result leaves the result for the
// next one.
func TestStoppedAgentKeepsItsResult(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	away := true
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		if away && reports(r) {
			problem(w, errand.CodeUnavailable)
			return true
		}
		return false
	}
	s.give(s.job("exit 8"))
	first := s.run(func(c *agent.Config) { c.Grace, c.StopTimeout = time.Millisecond, time.Millisecond })
	kept := filepath.Join(first.dir, "attempts", jobID+"-1", "result.json")
	eventually(t, "the result is on disk", func() bool { return exists(kept) })
	first.Cancel()
	if err := first.ended(); err != nil || !exists(kept) {
		t.Fatalf("ended with %v; kept: %v", err, exists(kept))
	}
	s.set(func() { away = false })
	second := s.run(func(c *agent.Config) { c.DataDir = first.dir })
	if res := s.result(); res.ExitCode != 8 {
		t.Errorf("result %+v", res)
	}
	second.idle()
}

// The agent ends while a chunk is being sent that has already arrived. The next one
// sends the chunk again with the same bytes (the server checks), and newer output
// after it.
func TestChunkBrokenOffIsSentAgainAsItWas(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	l := newLong(t)
	arrived := false
	s.before = func(_ http.ResponseWriter, r *http.Request) bool {
		s.mu.Lock()
		first := !arrived
		s.mu.Unlock()
		if r.URL.Path != "/bucket" || !first {
			return false
		}
		s.post(httptest.NewRecorder(), r)
		s.set(func() { arrived = true })
		<-r.Context().Done()
		return true
	}
	a := s.job(l.command(), "echo more")
	a.Watched, a.ContinueOnError = true, true
	s.order = func(o *errand.Order) { o.Watched = true }
	s.give(a)
	s.run(nil)
	s.await("the first chunk", func() bool { return arrived })
	touch(t, l.gate)
	res := s.result()
	if log, _ := s.log(jobID, 1, res.Log); int64(len(log)) != res.Log.Bytes {
		t.Errorf("the log has %d bytes of %d", len(log), res.Log.Bytes)
	}
	if len(s.keys) != 2 || s.keys[0] != s.keys[1] {
		t.Errorf("chunks %q", s.keys)
	}
}
