package agent_test

import (
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent"
)

// TestDeadHeartbeat: a heartbeat that nobody answers is given up in time for another
// one, and the job goes on.
func TestDeadHeartbeat(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	dead := make(chan struct{}, 1)
	dead <- struct{}{}
	s.before = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/api/workers/heartbeat" {
			return false
		}
		select {
		case <-dead:
			select {
			case <-r.Context().Done():
			case <-s.closing:
			}
			return true
		default:
			return false
		}
	}
	s.give(s.job("exit 3"))
	s.run(func(c *agent.Config) { c.RequestTimeout = 200 * time.Millisecond })
	if res := s.result(); res.ExitCode != 3 {
		t.Errorf("result %+v", res)
	}
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
