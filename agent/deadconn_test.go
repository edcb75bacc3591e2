package agent_test

import (
	"net/http"
	"testing"
	"time"

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
