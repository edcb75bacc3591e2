//go:build unix

package agent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent"
)

// The attempt's directory can't be made: the job fails by the worker's fault,
// and the worker takes no other before it can. Heartbeats go on meanwhile.
func TestDiskThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	dir := t.TempDir()
	attempts := filepath.Join(dir, "attempts")
	if err := os.WriteFile(attempts, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	first, second := s.job("true"), s.job("true")
	second.JobID = strings.Replace(jobID, "D0", "D1", 1)
	second.Write = s.grant(second.JobID, 1)
	s.give(first, second)
	r := s.run(func(c *agent.Config) { c.DataDir = dir })
	f := s.failure()
	if f.Reason != errand.ReasonAgentError || !strings.Contains(f.Error, "attempt's directory") {
		t.Errorf("failure %s: %s", f.Reason, f.Error)
	}
	var beats, polls int
	s.set(func() { beats, polls = len(s.beats), len(s.polls) })
	s.await("heartbeats", func() bool { return len(s.beats) > beats+3 })
	if n := len(s.polled()); n != polls || polls != 1 {
		t.Errorf("%d polls, then %d; want only the first", polls, n)
	}
	if err := os.Remove(attempts); err != nil {
		t.Fatal(err)
	}
	s.await("the other job's result", func() bool { return len(s.results) == 1 })
	if s.results[0].JobID != second.JobID || len(s.failures) != 1 {
		t.Errorf("results %+v, failures %+v", s.results, s.failures)
	}
	r.idle()
}

// The log can't be written any further, as on a full disk: the commands are
// ended, the job fails by the worker's fault, and what there is of the log is sent.
func TestLogThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	const fileLimit = 3 << 20
	dir := t.TempDir()
	l := newLong(t)
	s.give(s.job("echo $$ >" + l.pidFile + "; yes 'a line of output'"))
	s.killed(dir, fmt.Sprint("AGENT_TEST_FILE_LIMIT=", fileLimit))
	f := s.failure()
	if f.Reason != errand.ReasonAgentError || !strings.Contains(f.Error, "write the log") {
		t.Errorf("failure %s: %s", f.Reason, f.Error)
	}
	if f.Result == nil || f.Result.Log.Bytes < fileLimit/2 || len(f.Result.Commands) != 1 {
		t.Fatalf("the result is %+v", f.Result)
	}
	if log, _ := s.log(jobID, 1, f.Result.Log); int64(len(log)) != f.Result.Log.Bytes {
		t.Errorf("%d bytes of log came, of %d", len(log), f.Result.Log.Bytes)
	}
	if alive(l.started(t)) {
		t.Error("the command runs on")
	}
}
