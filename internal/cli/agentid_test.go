//go:build unix

package cli

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestReinstalledMachine: an agent with the ID of one that was lost waits until that
// one has stopped, and takes its place; the old one is refused.
func TestReinstalledMachine(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p := launchLocal(t, data, "--agents", "0")
	agent := func(dir string) *proc {
		return start(t, "agent", "--server", p.first, "--token-file", filepath.Join(data, agentTokenFile), "--data", dir, "--id", "box-3", "--heartbeat", "1s")
	}
	disk := t.TempDir()
	first := agent(disk)
	first.stderr.wait(t, "registered")
	second := agent(t.TempDir())
	second.stderr.wait(t, `the worker box-3 is online: another agent uses this ID`)
	first.interrupt()
	if code := first.wait(); code != 0 {
		t.Errorf("the first ended with %d", code)
	}
	second.stderr.wait(t, "epoch=2")
	code, stdout, stderr := errandAt(t, p.first, data, "run", "--no-source", "-c", "echo $ERRAND_WORKER_ID")
	if code != 0 || stdout != "box-3\n" {
		t.Errorf("run: %d, %q, %s", code, stdout, stderr)
	}
	again := agent(disk)
	if code := again.wait(); code != 1 || !strings.Contains(again.stderr.String(), `the worker box-3 is registered with another token`) {
		t.Errorf("the first again: %d, %s", code, again.stderr.String())
	}
}
