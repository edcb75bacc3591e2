//go:build unix

package agent_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent"
	"github.com/errandhq/errand/agent/internal/attemptdir"
)

// artifactJob is a job that gives back dist, and *.xml.
func (s *server) artifactJob(lines ...string) *errand.Assignment {
	a := s.job(lines...)
	a.Artifacts = []errand.Artifact{{Path: "dist"}, {Path: "*.xml", Optional: true}, {Path: "*.log", When: errand.WhenFailure}, {Path: "never", When: errand.WhenSuccess}}
	return a
}

// TestArtifacts: what a job leaves comes back, also when a command has failed, each
// content once, and the log and the result say so.
func TestArtifacts(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.give(s.artifactJob(`mkdir dist; echo app > dist/app; echo app > dist/copy; ln -s app dist/link; : > dist/empty`,
		`echo '<testsuite><testcase name="a"/><testcase name="b"><failure message="no"/></testcase></testsuite>' > r.xml; exit 3`))
	r := s.run(nil)
	res := s.result()
	if res.ExitCode != 3 {
		t.Errorf("exit code %d", res.ExitCode)
	}
	l := s.artifactList(res)
	var paths []string
	for _, f := range l.Files {
		paths = append(paths, f.Path)
	}
	if got := strings.Join(paths, " "); got != "dist/app dist/copy dist/empty dist/link r.xml" {
		t.Errorf("files %s", got)
	}
	if s.text(l, "dist/app") != "app\n" || s.text(l, "dist/empty") != "" || l.Files[3].Link != "app" {
		t.Errorf("list %+v", l)
	}
	if n := len(s.artifacts.puts); n != 4 || s.artifacts.signed != 1 {
		t.Errorf("%d contents came, in %d requests, want 4 in 1", n, s.artifacts.signed)
	}
	if a := res.Artifacts; a.Files != 5 || a.Error != "" || fmt.Sprint(a.Missing) != "[*.log]" {
		t.Errorf("artifacts %+v", a)
	}
	if tests := res.Tests; tests == nil || tests.Tests != 2 || tests.Failed != 1 || tests.Failing[0].Name != "b" {
		t.Errorf("tests %+v", tests)
	}
	log, _ := s.log(jobID, 1, res.Log)
	for _, line := range []string{"errand: artifacts: error: no file matches *.log\n", "errand: 5 artifacts, ", "errand: tests: 2, 1 failed, 0 skipped\n"} {
		if !strings.Contains(string(log), line) {
			t.Errorf("the log lacks %q: %s", line, log)
		}
	}
	if features := s.registrations[0].Features; !strings.Contains(fmt.Sprint(features), errand.FeatureArtifacts) {
		t.Errorf("features %v", features)
	}
	r.idle()
}

// TestArtifactsOfEnds: a job that ran into its timeout gives back files; one that was
// cancelled doesn't.
func TestArtifactsOfEnds(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	a := s.artifactJob(`mkdir dist; echo app > dist/app; sleep 60`)
	a.TimeoutSeconds = 3
	s.give(a)
	s.run(nil)
	f := s.failure()
	if f.Reason != errand.ReasonTimedOut || f.Result == nil {
		t.Fatalf("failure %+v", f)
	}
	if l := s.artifactList(*f.Result); s.text(l, "dist/app") != "app\n" {
		t.Errorf("list %+v", l)
	}

	s = newServer(t)
	s.order = func(o *errand.Order) { o.Order = errand.OrderCancel }
	s.give(s.artifactJob(`mkdir dist; echo app > dist/app; sleep 60`))
	s.run(nil)
	if f := s.failure(); f.Reason != errand.ReasonCancelled || f.Result != nil && f.Result.Artifacts != nil {
		t.Errorf("cancelled: %+v", f)
	}
}

// TestArtifactsAreRetried: the agent sends artifacts through outages of the server and
// the storage, and signatures that have expired.
func TestArtifactsAreRetried(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	faults := map[string]int{}
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		path, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		if r.URL.Path == "/api/jobs/artifacts" {
			path = "sign"
		}
		s.mu.Lock()
		n := faults[path]
		faults[path]++
		s.mu.Unlock()
		switch {
		case path != "sign" && path != "contents" || n > 4:
			return false
		case n == 0:
			drop(w)
		case n == 1 && path == "contents":
			http.Error(w, "expired", http.StatusForbidden)
		default:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return true
	}
	s.give(s.artifactJob(`mkdir dist; for i in 1 2 3; do echo $i > dist/$i; done`))
	s.run(nil)
	res := s.result()
	l := s.artifactList(res)
	for _, n := range []string{"1", "2", "3"} {
		if got := s.text(l, "dist/"+n); got != n+"\n" {
			t.Errorf("dist/%s is %q", n, got)
		}
	}
	if res.Artifacts.Error != "" {
		t.Errorf("error %q", res.Artifacts.Error)
	}
}

// TestArtifactThatChanges: a file that isn't what it was when it was collected is left
// out; the others come back.
func TestArtifactThatChanges(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var dir string
	s.before = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/api/jobs/artifacts" {
			work := filepath.Join(attemptdir.Dir(filepath.Join(dir, "attempts", jobID+"-1")).Work(), "dist")
			for name, text := range map[string]string{"other": "OTHER\n", "longer": "longer than it was\n"} {
				if err := os.WriteFile(filepath.Join(work, name), []byte(text), 0o600); err != nil {
					t.Error(err)
				}
			}
			if err := os.Remove(filepath.Join(work, "gone")); err != nil && !os.IsNotExist(err) {
				t.Error(err)
			}
		}
		return false
	}
	s.give(s.artifactJob(`mkdir dist; for i in other longer gone kept; do echo $i > dist/$i; done; sed -i s/other/other/ dist/other`))
	s.run(func(c *agent.Config) { dir = c.DataDir })
	res := s.result()
	l := s.artifactList(res)
	if len(l.Files) != 1 || s.text(l, "dist/kept") != "kept\n" || res.Artifacts.Files != 1 || res.Artifacts.Bytes != 5 {
		t.Errorf("list %+v, %+v", l, res.Artifacts)
	}
	if !strings.Contains(res.Artifacts.Error, "left out") {
		t.Errorf("error %q", res.Artifacts.Error)
	}
}

// TestArtifactsRefused: if the server doesn't take artifacts at all, the result is
// reported without them.
func TestArtifactsRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/api/jobs/artifacts" {
			problem(w, errand.CodeNotFound)
			return true
		}
		return false
	}
	s.give(s.artifactJob(`mkdir dist; echo app > dist/app`))
	s.run(nil)
	if a := s.result().Artifacts; a == nil || a.Files != 0 || a.List != nil || a.Error == "" {
		t.Errorf("artifacts %+v", a)
	}
}

// TestArtifactsGoOn: an agent that is killed while it sends a large artifact is followed
// by one that sends the rest, and not what has arrived.
func TestArtifactsGoOn(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	arrived, blocked := 0, true
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		if strings.Contains(r.URL.Path, "/upload0/") {
			if blocked && arrived == 3 {
				w.WriteHeader(http.StatusServiceUnavailable)
				return true
			}
			arrived++
		}
		return false
	}
	// Five parts, of which the last is short, and each has its own content.
	s.give(s.artifactJob(`mkdir dist; echo small > dist/small; for i in 1 2 3 4 5; do head -c 16777216 /dev/zero | tr '\0' $i; done | head -c 70000000 > dist/big`))
	dir := t.TempDir()
	kill := s.killed(dir)
	eventually(t, "three parts are noted", func() bool {
		b, _ := os.ReadFile(filepath.Join(dir, "attempts", jobID+"-1", "artifacts.sent"))
		return strings.Count(string(b), `"part"`) == 3
	})
	kill()
	s.set(func() { blocked = false })
	s.run(func(c *agent.Config) { c.DataDir = dir })
	res := s.result()
	l := s.artifactList(res)
	if res.Artifacts.Files != 2 || len(s.text(l, "dist/big")) != 70_000_000 || s.text(l, "dist/small") != "small\n" {
		t.Errorf("artifacts %+v", res.Artifacts)
	}
	sent := map[string]int{}
	for _, path := range s.artifacts.puts {
		sent[path]++
	}
	for path, n := range sent {
		if n > 1 {
			t.Errorf("%s was sent %d times", path, n)
		}
	}
	if len(s.artifacts.uploads) != 1 {
		t.Errorf("%d uploads were begun", len(s.artifacts.uploads))
	}
}

// TestArtifactUploadGone: an upload that the storage has forgotten is begun again.
func TestArtifactUploadGone(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	gone := false
	s.before = func(_ http.ResponseWriter, r *http.Request) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !gone && len(s.artifacts.uploads["upload0"]) >= 2 {
			gone = true
			s.artifacts.uploads["upload0"] = nil
		}
		return false
	}
	s.give(s.artifactJob(`mkdir dist; head -c 70000000 /dev/zero > dist/big`))
	s.run(nil)
	res := s.result()
	if len(s.text(s.artifactList(res), "dist/big")) != 70_000_000 || !gone {
		t.Errorf("artifacts %+v, gone: %v", res.Artifacts, gone)
	}
}
