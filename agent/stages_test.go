//go:build unix

package agent_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent"
)

// TestSlowStages: the log begins with what took long before the commands. That of a job
// that had nothing to wait for begins with its command.
func TestSlowStages(t *testing.T) {
	for name, tt := range map[string]struct {
		takes time.Duration
		want  string
	}{
		"slow": {2500 * time.Millisecond, "errand: fetching the folder took 2.5 s\n$ true\n"},
		"fast": {900 * time.Millisecond, "$ true\n"},
	} {
		t.Run(name, func(t *testing.T) {
			s, clock, r := onManual(t)
			s.set(func() {
				s.before = func(_ http.ResponseWriter, r *http.Request) bool {
					if r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/bucket/") {
						clock.Advance(tt.takes)
					}
					return false
				}
			})
			a := s.job("true")
			s.source(a, map[string]string{"file": "text"})
			s.give(a)
			res := s.result()
			r.idle()
			if log, _ := s.log(jobID, 1, res.Log); string(log) != tt.want {
				t.Errorf("the log is %q, want %q", log, tt.want)
			}
		})
	}
}

// TestStagesAreLive: while the folder is fetched, the log says every few seconds how much of
// it is there, and who watches the job reads it. The commands' lines follow in the same log.
func TestStagesAreLive(t *testing.T) {
	t.Parallel()
	s, clock := newServer(t), newManual()
	s.heartbeat = time.Hour
	fetching, released := make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(released) })
	defer release()
	s.before = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/bucket/") {
			close(fetching)
			<-released
		}
		return false
	}
	// However long the line takes, nothing ends meanwhile.
	s.order = func(o *errand.Order) { o.Watched, o.LeaseSeconds = true, 1<<20 }
	a := s.job("true")
	a.Watched, a.LeaseSeconds, a.TimeoutSeconds = true, 1<<20, 0
	s.source(a, map[string]string{"file": "text"})
	s.give(a)
	r := s.run(func(c *agent.Config) { c.Clock = clock })
	<-fetching
	line := fmt.Sprintf("errand: fetching the folder: 0 bytes of %d bytes, 0 bytes/s\n", a.Source.Size)
	sent := func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return strings.Contains(string(s.objects[errand.LogChunkKey(jobID, 1, 0)]), line)
	}
	eventually(t, "the line is sent while the folder is fetched", func() bool {
		clock.Advance(time.Second)
		return sent()
	})
	release()
	res := s.result()
	r.idle()
	log, frames := s.log(jobID, 1, res.Log)
	sum := sha256.Sum256(log)
	if !strings.HasPrefix(string(log), line) || !strings.HasSuffix(string(log), " s\n$ true\n") || res.Log.Bytes != int64(len(log)) || res.Log.SHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("the log is %q; the result says %+v", log, res.Log)
	}
	if first, last := frames[0], frames[len(frames)-1]; first.Command != -1 || last.Command != 0 || last.Elapsed < first.Elapsed {
		t.Errorf("the first frame is %+v, the last %+v", first, last)
	}
}

// TestStagesOfAFailure: the log of a job whose folder can't be fetched has what the worker
// did until then.
func TestStagesOfAFailure(t *testing.T) {
	t.Parallel()
	s, clock := newServer(t), newManual()
	s.heartbeat = time.Hour
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || !strings.HasPrefix(r.URL.Path, "/bucket/") {
			return false
		}
		clock.Advance(6 * time.Second)
		http.NotFound(w, r)
		return true
	}
	a := s.job("true")
	s.source(a, map[string]string{"file": "text"})
	s.give(a)
	r := s.run(func(c *agent.Config) { c.Clock = clock })
	f := s.failure()
	r.idle()
	if f.Reason != errand.ReasonSourceUnavailable || f.Result == nil {
		t.Fatalf("failure %+v", f)
	}
	want := fmt.Sprintf("errand: fetching the folder: 0 bytes of %d bytes, 0 bytes/s\n", a.Source.Size)
	if log, _ := s.log(jobID, 1, f.Result.Log); string(log) != want || f.Result.Log.Bytes != int64(len(want)) {
		t.Errorf("the log is %q, want %q; the result says %+v", log, want, f.Result.Log)
	}
}

// TestKilledBeforeTheCommands: the agent is killed when its job's log has lines, some of
// them sent, and no command has begun. The next agent starts the job, once, and goes on in
// the same log.
func TestKilledBeforeTheCommands(t *testing.T) {
	t.Parallel()
	s := newCacheServer(t)
	dir, starts := t.TempDir(), filepath.Join(t.TempDir(), "starts")
	a := s.job("echo started >>" + starts)
	a.Watched, a.Cache = true, []errand.Cache{{Key: "first", Paths: []string{"a"}}, {Key: "second", Paths: []string{"b"}}}
	questions, over := 0, make(chan struct{})
	killed := sync.OnceFunc(func() { close(over) })
	defer killed()
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/api/jobs/caches" {
			s.set(func() { questions++ })
			if questions == 2 {
				<-over
			}
		}
		return s.serve(w, r)
	}
	s.order = func(o *errand.Order) { o.Watched = true }
	s.give(a)
	kill := s.killed(dir)
	s.await("a line of the log, and that the agent waits", func() bool { return len(s.keys) == 1 && questions == 2 })
	kill()
	killed()
	r := s.run(func(c *agent.Config) { c.DataDir = dir })
	res := s.result()
	r.idle()
	if b, err := os.ReadFile(starts); err != nil || string(b) != "started\n" {
		t.Errorf("the command ran: %q, %v", b, err)
	}
	line := func(key string) string { return "errand: cache " + key + ": there is none yet\n" }
	want := line("first") + line("first") + line("second") + "$ " + a.Commands[0].Shell + "\n"
	if log, _ := s.log(jobID, 1, res.Log); !strings.HasPrefix(string(log), want) || int64(len(log)) != res.Log.Bytes {
		t.Errorf("the log is %q, want %q and more; the result says %+v", log, want, res.Log)
	}
}
