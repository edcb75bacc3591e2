package agent_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent"
	"github.com/errandhq/errand/agent/internal/attemptdir"
)

// A job with cmd.exe, and nothing of it is left: Windows removes neither an open
// log nor the directory of a process that runs.
func TestJobOnWindows(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	a := s.job(`type dir\file`, "echo %GREETING%", "start /b ping -n 600 127.0.0.1 >NUL", "echo oops>&2& exit 3", "echo never")
	s.source(a, map[string]string{"dir/file": "from the archive\r\n"})
	s.give(a)
	r := s.run(nil)
	res := s.result()
	if res.ExitCode != 3 || len(res.Commands) != 4 {
		t.Fatalf("result %+v", res)
	}
	for i, want := range []string{"from the archive\r\n", "hello\r\n", ""} {
		if got := string(res.Commands[i].Stdout.Head); got != want || res.Commands[i].ExitCode != 0 {
			t.Errorf("command %d: %q, exit code %d; want %q", i, got, res.Commands[i].ExitCode, want)
		}
	}
	if got := string(res.Commands[3].Stderr.Head); got != "oops\r\n" {
		t.Errorf("stderr %q", got)
	}
	r.idle()
}

// A restart is told from a copy of the data directory, on this system, too.
func TestRestartOnWindows(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		boot   string // empty: this one
		copied bool
		reason errand.Reason // empty: nothing is certain
	}{
		"of the agent":   {"", false, errand.ReasonAgentRestarted},
		"of the machine": {"another", false, errand.ReasonMachineRestarted},
		"a copy":         {"", true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, data := newServer(t), t.TempDir()
			d, err := attemptdir.Create(data, s.job("echo hello"), 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(d.Log(), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if tt.boot != "" {
				setBoot(t, d, tt.boot)
			}
			if tt.copied {
				copied := t.TempDir()
				if err := os.CopyFS(copied, os.DirFS(data)); err != nil {
					t.Fatal(err)
				}
				data = copied
			}
			r := s.run(func(c *agent.Config) { c.DataDir = data })
			if tt.reason != "" {
				if f := s.failure(); f.Reason != tt.reason {
					t.Errorf("failure %+v, want %s", f, tt.reason)
				}
			} else {
				s.await("heartbeats", func() bool { return len(s.beats) > 1 })
			}
			r.idle()
		})
	}
}

// setBoot changes the boot in which an attempt began.
func setBoot(t *testing.T, d attemptdir.Dir, boot string) {
	t.Helper()
	name := filepath.Join(string(d), "job.json")
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	job, err := d.Job()
	if err != nil || job.Origin.Boot == "" || job.Origin.Directory == 0 {
		t.Fatalf("the origin is %+v, %v", job.Origin, err)
	}
	if len(job.Origin.Hardware) == 0 {
		t.Skip("this machine has no network interface with an address, so it can't tell a restart from another machine")
	}
	b = bytes.Replace(b, []byte(`"boot":"`+job.Origin.Boot), []byte(`"boot":"`+boot), 1)
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCancelOnWindows(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	a := s.job("echo ready& ping -n 600 127.0.0.1 >NUL")
	a.Watched = true
	s.order = func(o *errand.Order) { o.Watched = true }
	s.give(a)
	r := s.run(nil)
	s.await("output", func() bool {
		for _, chunk := range s.objects {
			if bytes.Contains(chunk, []byte("\nready")) { // Wine writes the end of the line apart
				return true
			}
		}
		return false
	})
	s.set(func() { s.order = func(o *errand.Order) { o.Order = errand.OrderCancel } })
	if f := s.failure(); f.Reason != errand.ReasonCancelled {
		t.Errorf("failure %+v", f)
	}
	r.idle()
}
