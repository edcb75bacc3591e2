//go:build unix

package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/errandhq/errand/agent"
)

// workspaceFiles is how many files an update changes, so that it takes a while.
const workspaceFiles = 500

// TestKilledWithinAnUpdateOfAWorkspace: the agent is killed while it puts changed files into
// a workspace. The job and the next one find what was sent and nothing else, and after a
// prune nothing is left.
func TestKilledWithinAnUpdateOfAWorkspace(t *testing.T) {
	t.Parallel()
	s := local(t, "0")
	data, dir := t.TempDir(), t.TempDir()
	check := []string{"--keep-workspace=w", "-c", "cat */* | sort -u; find . -type f | wc -l"}
	writeFiles(t, dir, 0)
	worker := s.agent(data)
	if code := s.errand("run", dir, "--keep-workspace=w", "-c", "echo made > made").wait(); code != 0 {
		t.Fatalf("the first job: exit code %d", code)
	}
	state := workspaceState(t, data)
	for round := 1; ; round++ {
		if round > 20 {
			t.Fatal("the updates end before they can be interrupted")
		}
		writeFiles(t, dir, round)
		p := s.errand(append([]string{"run", dir}, check...)...)
		awaitGone(t, state)
		worker.kill()
		_, err := os.Lstat(state)
		torn := errors.Is(err, fs.ErrNotExist)
		worker = s.agent(data)
		code := p.wait()
		if torn {
			want := fmt.Sprintf("%d\n%d\n", round, workspaceFiles)
			if got := strings.ReplaceAll(p.stdout.String(), " ", ""); code != 0 || got != want || !strings.Contains(p.stderr.String(), "workspace w: empty, as its last update was interrupted") {
				t.Errorf("the job that was interrupted: exit code %d, %q, want %q; stderr:\n%s", code, got, want, p.stderr)
			}
			p = s.errand(append([]string{"run", dir}, check...)...)
			code = p.wait()
			if got := strings.ReplaceAll(p.stdout.String(), " ", ""); code != 0 || got != want || !strings.Contains(p.stderr.String(), "workspace w: kept from an earlier job") {
				t.Errorf("the next job: exit code %d, %q, want %q; stderr:\n%s", code, got, want, p.stderr)
			}
			break
		}
	}
	worker.signal(syscall.SIGTERM)
	if code := worker.wait(); code != 0 {
		t.Errorf("the agent ends with %d", code)
	}
	if _, err := agent.PruneWorkspaces(data, time.Now().Add(time.Hour), false); err != nil {
		t.Error(err)
	}
	for _, left := range []string{"attempts/*", "workspaces/*-*"} {
		if all, err := filepath.Glob(filepath.Join(data, left)); err != nil || len(all) > 0 {
			t.Errorf("left: %q, %v", all, err)
		}
	}
}

// writeFiles writes files whose content is the round's number.
func writeFiles(t *testing.T, dir string, round int) {
	t.Helper()
	for i := range workspaceFiles {
		sub := filepath.Join(dir, fmt.Sprint(i%10))
		if err := os.MkdirAll(sub, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(sub, fmt.Sprint(i)), fmt.Appendln(nil, round), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// workspaceState is the file that is missing while the one workspace is changed.
func workspaceState(t *testing.T, data string) string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(data, "workspaces", "*", "state"))
	if err != nil || len(all) != 1 {
		t.Fatalf("states %q, %v", all, err)
	}
	return all[0]
}

// awaitGone waits until there is no such file.
func awaitGone(t *testing.T, path string) {
	t.Helper()
	limit := time.After(patience)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			return
		}
		select {
		case <-limit:
			t.Fatalf("%s stays", path)
		case <-tick.C:
		}
	}
}
