//go:build unix

package agent_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent"
	"github.com/errandhq/errand/agent/internal/attemptdir"
)

// isContent tells whether a request sends a content: one of a job's artifacts, or a pack.
func isContent(r *http.Request) bool {
	return r.Method == http.MethodPut && strings.HasPrefix(r.URL.Path, "/contents/")
}

// distJob is a job that gives back dist.
func (s *server) distJob(lines ...string) *errand.Assignment {
	a := s.job(lines...)
	a.Artifacts = []errand.Artifact{{Path: "dist"}}
	return a
}

// wantWhole checks that the result seals the log that arrived, and returns it.
func (s *server) wantWhole(l errand.Log) (text string, frames []errand.Frame) {
	s.t.Helper()
	log, frames := s.log(jobID, 1, l)
	if int64(len(log)) != l.Bytes || sumOf(log) != l.SHA256 {
		s.t.Errorf("the log is %q; the result says %+v", log, l)
	}
	return string(log), frames
}

// said reports whether a chunk of the log has a line. The caller holds mu.
func (s *server) said(line string) bool {
	for _, chunk := range s.objects {
		if strings.Contains(string(chunk), line) {
			return true
		}
	}
	return false
}

// TestSlowSending: the log ends with how long it took to send artifacts, if a person would
// have noticed.
func TestSlowSending(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		takes time.Duration
		want  string
	}{
		"slow": {2500 * time.Millisecond, "errand: 1 artifact, 4 bytes\nerrand: artifacts: sent 4 bytes in 2.5 s\n"},
		"fast": {900 * time.Millisecond, "errand: 1 artifact, 4 bytes\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, clock, r := onManual(t)
			advance := sync.OnceFunc(func() { clock.Advance(tt.takes) })
			s.set(func() {
				s.before = func(_ http.ResponseWriter, r *http.Request) bool {
					if isContent(r) {
						advance()
					}
					return false
				}
			})
			s.give(s.distJob("mkdir dist; echo app > dist/app"))
			res := s.result()
			r.idle()
			if log, _ := s.wantWhole(res.Log); log != "$ mkdir dist; echo app > dist/app\n"+tt.want {
				t.Errorf("the log is %q", log)
			}
			if len(s.keys) > 0 {
				t.Errorf("chunks %q were sent", s.keys)
			}
		})
	}
}

// TestSendingIsLive: while artifacts are sent, the log says every few seconds how much of
// them is. Who watches the job reads that, and it doesn't end before.
func TestSendingIsLive(t *testing.T) {
	t.Parallel()
	s, clock := newServer(t), newManual()
	s.heartbeat = time.Hour
	sending, released := make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(released) })
	defer release()
	begun := sync.OnceFunc(func() { close(sending) })
	s.before = func(_ http.ResponseWriter, r *http.Request) bool {
		if isContent(r) {
			begun()
			<-released
		}
		return false
	}
	s.order = func(o *errand.Order) { o.Watched, o.LeaseSeconds = true, 1<<20 }
	a := s.distJob("echo one; mkdir dist; echo app > dist/app", "echo two")
	a.Watched, a.LeaseSeconds, a.TimeoutSeconds = true, 1<<20, 0
	s.give(a)
	r := s.run(func(c *agent.Config) { c.Clock = clock })
	<-sending
	const line = "errand: artifacts: sending: "
	eventually(t, "the line is sent while the artifacts are", func() bool {
		clock.Advance(time.Second)
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.said(line)
	})
	s.mu.Lock()
	if len(s.results)+len(s.failures) > 0 {
		t.Error("the job ended before its artifacts were there")
	}
	s.mu.Unlock()
	release()
	res := s.result()
	r.idle()
	log, frames := s.wantWhole(res.Log)
	before, after, _ := strings.Cut(log, line)
	if !strings.HasSuffix(before, "two\nerrand: 1 artifact, 4 bytes\n") || !strings.HasSuffix(after, " s\n") || !strings.Contains(after, " of 4 bytes, ") {
		t.Errorf("the log is %q", log)
	}
	var elapsed time.Duration
	for i, f := range frames {
		if f.Elapsed < elapsed || strings.HasPrefix(string(f.Data), line) && (f.Command != 1 || f.Elapsed < frames[i-1].Elapsed+5*time.Second) {
			t.Errorf("frame %d is %+v", i, f)
		}
		elapsed = f.Elapsed
	}
}

// TestSlowCache: the log says how much of a cache is sent, and if it could not be saved.
func TestSlowCache(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int // that the PUT is answered with; 0: it is taken
		want   string
	}{
		"saved":   {0, "errand: cache k: sent "},
		"refused": {http.StatusForbidden, "errand: cache k: not saved: the storage answered 403 Forbidden: no\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, clock := newCacheServer(t), newManual()
			s.heartbeat = time.Hour
			advance := sync.OnceFunc(func() { clock.Advance(7 * time.Second) })
			s.before = func(w http.ResponseWriter, r *http.Request) bool {
				if isContent(r) {
					advance()
					if tt.status != 0 {
						s.mu.Lock()
						clear(s.caches)
						s.mu.Unlock()
						http.Error(w, "no", tt.status)
						return true
					}
				}
				return s.serve(w, r)
			}
			a := s.job("mkdir out; echo a > out/a")
			a.Cache, a.LeaseSeconds, a.TimeoutSeconds = []errand.Cache{{Key: "k", Paths: []string{"out"}}}, 1<<20, 0
			s.give(a)
			r := s.run(func(c *agent.Config) { c.Clock = clock })
			var res errand.Result
			ticking(clock, func() { res = s.result() })
			r.idle()
			log, _ := s.wantWhole(res.Log)
			_, after, _ := strings.Cut(log, "errand: cache k: saving 2 bytes in 1 file")
			if last := after[max(0, strings.LastIndex(after, "errand: ")):]; !strings.Contains(after, "\nerrand: cache k: sending: ") || !strings.HasPrefix(last, tt.want) {
				t.Errorf("the log is %q", log)
			}
		})
	}
}

var killedLog = regexp.MustCompile(`^\$ .*
built
(errand: artifacts: collecting: .*
)*errand: 1 artifact, 4 bytes.*
(errand: artifacts: sending: .*
)+(errand: artifacts: sent .*
)?$`)

// TestKilledWhileSending: the agent, alone or with its supervisor, is killed while it sends
// artifacts and its log has lines about that, of which the last is cut off. The next agent
// sends what is left of both, once, and the job ends once.
func TestKilledWhileSending(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, env := range map[string]string{"agent": "AGENT_TEST_SUPERVISOR=" + exe, "both": "AGENT_TEST_SUPERVISOR="} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			dir, err := os.MkdirTemp("", "errand-") // the path of a socket is short
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.RemoveAll(dir) })
			released := make(chan struct{})
			release := sync.OnceFunc(func() { close(released) })
			defer release()
			s.before = func(_ http.ResponseWriter, r *http.Request) bool {
				if isContent(r) {
					<-released
				}
				return false
			}
			s.order = func(o *errand.Order) { o.Watched, o.LeaseSeconds = true, 1<<20 }
			a := s.distJob("echo built; mkdir dist; echo app > dist/app")
			a.Watched, a.LeaseSeconds, a.TimeoutSeconds = true, 1<<20, 0
			s.give(a)
			kill := s.killed(dir, "AGENT_TEST_TICKING=1", env)
			s.await("a line while the artifacts are sent", func() bool { return s.said("errand: artifacts: sending: ") })
			kill()
			cutOff(t, attemptdir.Dir(filepath.Join(dir, "attempts", jobID+"-1")).Log())
			release()
			r := s.run(func(c *agent.Config) { c.DataDir = dir })
			res := s.result()
			r.idle()
			log, _ := s.wantWhole(res.Log)
			if !killedLog.MatchString(log) {
				t.Errorf("the log is %q", log)
			}
			if l := s.artifactList(res); s.text(l, "dist/app") != "app\n" || res.Artifacts.Error != "" {
				t.Errorf("artifacts %+v", res.Artifacts)
			}
		})
	}
}

// cutOff appends a part of a frame to a log.
func cutOff(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	frame := errand.Frame{Stream: errand.System, Data: []byte("errand: cut off\n")}.Append(nil)
	_, err = f.Write(frame[:len(frame)-3])
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		t.Fatal(err)
	}
}
