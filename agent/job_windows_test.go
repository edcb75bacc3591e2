package agent_test

import (
	"bytes"
	"testing"

	"github.com/errandhq/errand"
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
