//go:build unix

package agent_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/errandhq/errand/agent"
)

// Control plane and storage are down while the archive is fetched, for more tries
// than a missing archive gets. The job runs all the same.
func TestOutageWhileTheSourceIsFetched(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var away atomic.Bool
	var fetches atomic.Int32
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasPrefix(r.URL.Path, "/bucket/") && fetches.Add(1) == 1 {
			away.Store(true)
		}
		if away.Load() {
			drop(w)
		}
		return false
	}
	var failed atomic.Int32
	a := s.job("cat a.txt")
	s.source(a, map[string]string{"a.txt": "here\n"})
	s.give(a)
	s.run(func(c *agent.Config) { c.HTTP.Transport = counting{c.HTTP.Transport, &failed} })
	eventually(t, "many calls in vain", func() bool { return failed.Load() > 20 })
	away.Store(false)
	if res := s.result(); string(res.Commands[0].Stdout.Head) != "here\n" {
		t.Errorf("result %+v", res)
	}
}

// counting counts requests that got no answer.
type counting struct {
	next   http.RoundTripper
	failed *atomic.Int32
}

func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(r)
	if err != nil {
		c.failed.Add(1)
	}
	return resp, err
}

// The grant has expired and the server that renews it is down for long: the log
// waits, and is complete.
func TestGrantExpiresInAnOutage(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var refused atomic.Int32
	a := s.job("head -c 100000 /dev/zero")
	a.Write.URL += "-expired"
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.URL.Path == "/bucket-expired":
			http.Error(w, "AccessDenied: expired", http.StatusForbidden)
			refused.Add(1)
			return true
		case r.URL.Path == "/api/workers/heartbeat" && refused.Load() > 0 && refused.Load() < 30:
			http.Error(w, "away", http.StatusBadGateway)
			return true
		}
		return false
	}
	s.give(a)
	s.run(nil)
	res := s.result()
	if log, _ := s.log(jobID, 1, res.Log); len(log) != 100000+len("$ head -c 100000 /dev/zero\n") {
		t.Errorf("the log has %d bytes", len(log))
	}
}

// A proxy in front of the server answers in its place. That ends neither the job nor
// its worker, and the result waits.
func TestAnswersThatAreNotTheServers(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	l := newLong(t)
	var foreign atomic.Bool
	var answers atomic.Int32
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if !foreign.Load() || r.URL.Path == "/api/workers/register" {
			return false
		}
		all := []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed}
		http.Error(w, `{"message":"not the server"}`, all[int(answers.Add(1))%len(all)])
		return true
	}
	s.give(s.job(l.command()))
	s.run(nil)
	l.started(t)
	foreign.Store(true)
	eventually(t, "many such answers", func() bool { return answers.Load() > 20 })
	touch(t, l.gate)
	n := answers.Load()
	eventually(t, "more of them", func() bool { return answers.Load() > n+30 })
	foreign.Store(false)
	if res := s.result(); res.ExitCode != 4 {
		t.Errorf("result %+v", res)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.registrations) != 1 {
		t.Errorf("registered %d times", len(s.registrations))
	}
}

// A process of a job that left its process group is dead before the report, after
// which the next job of the group may begin.
func TestStrayDiesBeforeTheReport(t *testing.T) {
	t.Parallel()
	if !strayKilled {
		t.Skip("stray processes can't be identified on this system")
	}
	s := newServer(t)
	pidFile := filepath.Join(t.TempDir(), "pid")
	var lived atomic.Bool
	s.before = func(_ http.ResponseWriter, r *http.Request) bool {
		if reports(r) {
			lived.Store(livesOn(t, pidFile))
		}
		return false
	}
	s.give(s.job("setsid sh -c 'echo $$ >" + pidFile + ".tmp; mv " + pidFile + ".tmp " + pidFile + "; exec sleep 600' >/dev/null 2>&1 & while ! test -e " + pidFile + "; do sleep 0.01; done"))
	s.run(nil)
	s.result()
	if lived.Load() {
		t.Error("it lived when the job was reported")
	}
}

// livesOn reports whether the process in the file runs on: one that was just
// killed may take a moment to be gone.
func livesOn(t *testing.T, pidFile string) bool {
	b, err := os.ReadFile(pidFile)
	if err != nil {
		t.Error(err)
		return false
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Error(err)
	}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for limit := time.After(patience); alive(pid) && !zombie(pid); {
		select {
		case <-tick.C:
		case <-limit:
			return true
		}
	}
	return false
}
