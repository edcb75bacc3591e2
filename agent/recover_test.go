//go:build unix

package agent_test

import (
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent"
	"github.com/errandhq/errand/agent/internal/attemptdir"
)

// TestUnreadableAttempt: what an earlier process left of an attempt is removed only if
// the attempt had not begun.
func TestUnreadableAttempt(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		files map[string]string // and those that end with / are directories
		kept  bool
	}{
		"no job.json":              {map[string]string{"log": ""}, false},
		"job.json written in part": {map[string]string{"job.json": `{"jobId":`}, false},
		"job.json unreadable":      {map[string]string{"job.json/": ""}, true},
		"job.json damaged":         {map[string]string{"job.json": `{"jobId":`, "log": ""}, true},
		"result.json damaged":      {map[string]string{"job.json": `{"jobId":"J","attempt":1}`, "result.json": "{"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, data := newServer(t), t.TempDir()
			dir := filepath.Join(data, "attempts", "J-1")
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			for f, content := range tt.files {
				var err error
				if strings.HasSuffix(f, "/") {
					err = os.Mkdir(filepath.Join(dir, f), 0o700)
				} else {
					err = os.WriteFile(filepath.Join(dir, f), []byte(content), 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			var log lockedBuffer
			s.run(func(c *agent.Config) {
				c.DataDir, c.Log = data, slog.New(slog.NewTextHandler(&log, nil))
			})
			s.await("a heartbeat", func() bool { return len(s.beats) > 0 })
			if exists(dir) != tt.kept || strings.Contains(log.String(), "level=ERROR") != tt.kept {
				t.Errorf("kept %v, want %v; the log:\n%s", exists(dir), tt.kept, log.String())
			}
		})
	}
}

// TestReceivedNotStarted: an attempt that an earlier process received and did not start
// is started if the server says that it is still this worker's, and if the directory is no
// copy.
func TestReceivedNotStarted(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		order  string
		begun  bool // there is a log
		copied bool
		starts bool
		reason errand.Reason
	}{
		"still ours":      {errand.OrderContinue, false, false, true, ""},
		"not ours":        {errand.OrderAbandon, false, false, false, ""},
		"to be cancelled": {errand.OrderCancel, false, false, false, errand.ReasonCancelled},
		"started":         {errand.OrderContinue, true, false, false, errand.ReasonAgentRestarted},
		"a copy":          {errand.OrderContinue, false, true, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, data, marker := newServer(t), t.TempDir(), filepath.Join(t.TempDir(), "started")
			d, err := attemptdir.Create(data, s.job("touch "+marker), 0)
			if err != nil {
				t.Fatal(err)
			}
			if tt.begun {
				touch(t, d.Log())
			}
			if tt.copied {
				copied := t.TempDir()
				if err := os.CopyFS(copied, os.DirFS(data)); err != nil {
					t.Fatal(err)
				}
				data = copied
			}
			waited := false
			s.order = func(o *errand.Order) { o.Order = tt.order }
			s.before = func(_ http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path == "/api/workers/heartbeat" && exists(marker) && !waited {
					t.Error("started before a heartbeat allowed it")
				}
				return false
			}
			r := s.run(func(c *agent.Config) { c.DataDir = data })
			s.await("a heartbeat about it, or none", func() bool {
				for _, b := range s.beats {
					waited = waited || len(b.Holds) == 1 && b.Holds[0].NotBegun
				}
				return waited || (tt.begun || tt.copied) && len(s.beats) > 1
			})
			switch {
			case tt.starts:
				s.result()
			case tt.reason != "":
				if f := s.failure(); f.Reason != tt.reason {
					t.Errorf("failure %+v", f)
				}
			}
			r.idle()
			if exists(marker) != tt.starts {
				t.Errorf("started: %v, want %v", exists(marker), tt.starts)
			}
			if waited != (!tt.begun && !tt.copied) {
				t.Errorf("waited for the server: %v", waited)
			}
		})
	}
}

// The agent's log has an exit code only where the commands ran to their end.
func TestLoggedEnds(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]string{
		"exit 3":          `msg="job ended" job=` + jobID + ` attempt=1 exit=3` + "\n",
		"no-such-program": `msg="job ended" job=` + jobID + ` attempt=1 reason=start_failed err="could not start no-such-program: not found in PATH"` + "\n",
	} {
		s := newServer(t)
		a := s.job(command)
		if !strings.Contains(command, " ") {
			a.Commands = []errand.Command{{Argv: []string{command}}}
		}
		s.give(a)
		var log lockedBuffer
		r := s.run(func(c *agent.Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
		s.await("the report", func() bool { return len(s.results)+len(s.failures) > 0 })
		r.idle()
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log:\n%swant %s", log.String(), want)
		}
	}
}
