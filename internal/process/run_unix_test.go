//go:build unix

package process_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/errandhq/errand/internal/process"
)

func needConsole(*testing.T) {}

func TestSignalledProgram(t *testing.T) {
	t.Parallel()
	exit, err := program(t, "suicide").Run(t.Context())
	if err != nil || exit != (process.Exit{Code: 137, Signal: "killed"}) {
		t.Fatalf("got %+v, %v", exit, err)
	}
}

func TestCancelKillsWhoIgnoresTERM(t *testing.T) {
	t.Parallel()
	p := program(t, "stubborn")
	p.Grace = func(error) time.Duration { return 50 * time.Millisecond }
	exit, _, err := cancelWhenReady(t, p, errors.New("enough"))
	if err == nil || exit != (process.Exit{Code: 137, Signal: "killed"}) {
		t.Fatalf("got %+v, %v", exit, err)
	}
}

// A shell dies of TERM at once; what it runs has the whole grace to clear up.
func TestGraceIsForTheWholeGroup(t *testing.T) {
	t.Parallel()
	p := program(t, "shell")
	p.PipeWait = 10 * time.Millisecond
	exit, out, err := cancelWhenReady(t, p, errors.New("enough"))
	if err == nil || exit.Signal != "terminated" {
		t.Fatalf("got %+v, %v", exit, err)
	}
	if !strings.HasSuffix(out, "bye\n") {
		t.Errorf("its child was killed before the grace was over: %q", out)
	}
}

// A process with a session of its own is beyond the group: it doesn't hang the
// command, and on Linux its environment gives it away.
func TestEscapedProcess(t *testing.T) {
	t.Parallel()
	p := program(t, "escaped")
	p.PipeWait = 50 * time.Millisecond
	if exit, err := p.Run(t.Context()); err != nil || exit.Code != 0 {
		t.Fatalf("got %+v, %v", exit, err)
	}
	if n := process.KillStray("PROCESS_TEST_NAME="+t.Name(), "NO_SUCH=variable"); n != 0 {
		t.Fatalf("killed %d processes that lack a variable", n)
	}
	n := process.KillStray("PROCESS_TEST_NAME=" + t.Name())
	if want := strayFound(); n != want {
		t.Errorf("killed %d stray processes, want %d", n, want)
	}
}
