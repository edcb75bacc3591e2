package process_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/windows"

	"github.com/errandhq/errand/internal/process"
)

// needConsole skips the test where no console event can be sent.
func needConsole(t *testing.T) {
	t.Helper()
	if _, err := windows.GetConsoleOutputCP(); err != nil {
		t.Skip("there is no console to send an event: ", err)
	}
}

// A child that a program starts before anything else belongs to the group, too.
// While it lives, its file can't be removed.
func TestChildrenBelongToTheGroup(t *testing.T) {
	t.Parallel()
	for range 5 {
		p := program(t, "quick")
		p.PipeWait = 200 * time.Millisecond
		if exit, err := p.Run(t.Context()); err != nil || exit.Code != 0 {
			t.Fatalf("got %+v, %v", exit, err)
		}
		if err := os.Remove(filepath.Join(p.Dir, "held")); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("a child is left: %v", err)
		}
	}
}

// A program that ignores the event is killed after the grace; without a console,
// nothing can ask it, and it is killed at once.
func TestCancelKills(t *testing.T) {
	t.Parallel()
	p := program(t, "stubborn")
	p.Grace = func(error) time.Duration { return 50 * time.Millisecond }
	exit, _, err := cancelWhenReady(t, p, errors.New("enough"))
	if err == nil || exit != (process.Exit{Code: 1}) {
		t.Fatalf("got %+v, %v", exit, err)
	}
}
