//go:build unix

package process_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/errandhq/errand"
)

// A process in the background runs until the last command has ended, and what it writes
// is kept. Then it is asked to end.
func TestBackgroundProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pidFile, done := filepath.Join(dir, "pid"), filepath.Join(dir, "done")
	var log bytes.Buffer
	s := record(t, &log, shell(
		`(trap 'echo bye; exit' TERM; echo $$ >`+pidFile+`; while ! test -e `+done+`; do sleep 0.01; done; echo seen; while :; do sleep 0.01; done) &
		while ! test -s `+pidFile+`; do sleep 0.01; done`,
		"touch "+done+"; sleep 0.1",
	))
	first := newLine()
	s.Output = func(i int, st errand.Stream) io.Writer {
		if i == 0 && st == errand.Stdout {
			return first
		}
		return nil
	}
	s.PipeWait = 50 * time.Millisecond
	s.Grace = func(error) time.Duration { return 10 * time.Second }
	var left []string
	s.OnLeft = func(names []string) { left = names }
	steps, err := s.Run(t.Context())
	if err != nil || len(steps) != 2 || steps[0].Code != 0 || steps[1].Code != 0 {
		t.Fatalf("got %+v, %v", steps, err)
	}
	if got := first.String(); got != "seen\nbye\n" {
		t.Errorf("the process wrote %q", got)
	}
	if !slices.Equal(left, []string{"sh"}) {
		t.Errorf("told of %q", left)
	}
	b, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	if pid, err := strconv.Atoi(strings.TrimSpace(string(b))); err != nil || syscall.Kill(-pid, 0) == nil {
		t.Errorf("group %d is left, %v", pid, err)
	}
}
