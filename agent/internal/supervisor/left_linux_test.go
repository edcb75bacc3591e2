package supervisor_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/errandhq/errand/agent/internal/supervisor"
)

// TestIdleBackgroundProcess: the job doesn't wait PipeWait for a process that the last
// command left with its output and that does nothing, but for one that works.
func TestIdleBackgroundProcess(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(fmt.Sprintf("/proc/%d/task/%d/children", os.Getpid(), os.Getpid())); err != nil {
		t.Skip("skipped: this kernel does not tell a process's children (CONFIG_PROC_CHILDREN)")
	}
	s := newSlot(t)
	c := s.start()
	for n, tt := range []struct{ command, want string }{
		{"sleep 600 & until grep -qx sleep /proc/$!/comm; do :; done", "errand: ending a process that outlives the commands: sleep\n"},
		{"echo early; (i=0; while test $i -lt 1500000; do i=$((i+1)); done; echo late) &", "early\nlate\n"},
	} {
		d := s.job(n+1, tt.command)
		err := c.Send(supervisor.Request{Run: &supervisor.Run{
			Attempt: string(d), Env: []string{"PATH=" + os.Getenv("PATH"), "ERRAND_JOB_ID=" + t.Name()}, PipeWait: time.Hour,
		}})
		if err != nil {
			t.Fatal(err)
		}
		outcome(t, c, d)
		// A shell that has just written may still be there, and is then ended.
		got := strings.TrimSuffix(text(t, d), "errand: ending a process that outlives the commands: sh\n")
		if !strings.HasSuffix(got, tt.want) {
			t.Errorf("log %q, want %q at its end", got, tt.want)
		}
	}
}
