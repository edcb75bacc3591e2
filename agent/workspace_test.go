//go:build unix

package agent_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent"
)

// workspaceJob is job n of an owner in a workspace.
func (s *cacheServer) workspaceJob(n int, owner, queue, name string, lines ...string) *errand.Assignment {
	a := s.cacheJob(n, owner, "lock", lines...)
	a.Source, a.Cache = nil, nil
	a.Queue, a.Workspace = queue, &errand.Workspace{Name: name}
	return a
}

// TestWorkspace: a job finds what an earlier one of the same owner, queue and name left,
// unless it asks for an empty one.
func TestWorkspace(t *testing.T) {
	t.Parallel()
	s := newCacheServer(t)
	dir := t.TempDir()
	s.run(func(c *agent.Config) { c.DataDir = dir })
	wantLog(t, s.ran(s.workspaceJob(1, "ann", "default", "app", "echo made > out; pwd")), "workspace app: new", "exit 0")
	wantLog(t, s.ran(s.workspaceJob(2, "ann", "default", "app", "cat out; exit 3")), "workspace app: kept from an earlier job", "made\n", "exit 3")
	wantLog(t, s.ran(s.workspaceJob(3, "bob", "default", "app", "ls -A; test ! -e out")), "app: new", "exit 0")
	wantLog(t, s.ran(s.workspaceJob(4, "ann", "other", "app", "test ! -e out")), "app: new", "exit 0")
	wantLog(t, s.ran(s.workspaceJob(5, "ann", "default", "other", "test ! -e out")), "other: new", "exit 0")
	wantLog(t, s.ran(s.workspaceJob(6, "ann", "default", "app", "cat out")), "made\n", "exit 0")
	clean := s.workspaceJob(7, "ann", "default", "app", "test ! -e out")
	clean.Workspace.Clean = true
	wantLog(t, s.ran(clean), "app: new", "exit 0")
	if all, err := filepath.Glob(filepath.Join(dir, "workspaces", "*", "work")); err != nil || len(all) != 4 {
		t.Errorf("workspaces %v, %v", all, err)
	}
}

// TestWorkspaceOfTwoJobs: the second gets a copy, which the next two find again.
func TestWorkspaceOfTwoJobs(t *testing.T) {
	t.Parallel()
	s := newCacheServer(t)
	s.run(func(c *agent.Config) { c.Slots = 2 })
	both := t.TempDir()
	meet := func(n int) string { // so that both run at once
		d := filepath.Join(both, string(rune('a'+n)))
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
		return "touch " + d + "/$ERRAND_JOB_ID; while test $(ls " + d + " | wc -l) -lt 2; do sleep 0.02; done; "
	}
	for n := range 2 {
		line := meet(n) + "echo $ERRAND_JOB_ID >> jobs; test $(wc -l < jobs) = " + string(rune('1'+n))
		s.give(s.workspaceJob(10+2*n, "ann", "default", "app", line), s.workspaceJob(11+2*n, "ann", "default", "app", line))
		s.await("both results", func() bool { return len(s.results) == 2*(n+1) })
	}
	for _, r := range s.results {
		if r.Result.ExitCode != 0 {
			t.Errorf("%+v", r)
		}
	}
}

// TestOldWorkspaces are removed when no job has used them for their age, and by a prune.
func TestOldWorkspaces(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		age  time.Duration // 0: the default
		left int
	}{{time.Nanosecond, 0}, {0, 1}} {
		s := newCacheServer(t)
		dir := t.TempDir()
		r := s.run(func(c *agent.Config) { c.DataDir, c.WorkspaceAge = dir, tt.age })
		s.ran(s.workspaceJob(1, "ann", "default", "app", "echo made > out"))
		r.Drain()
		if err := <-r.done; err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		for _, prune := range []struct {
			before  time.Time
			dry     bool
			removed int
		}{{now.Add(-time.Hour), false, 0}, {now.Add(time.Hour), true, tt.left}, {now.Add(time.Hour), false, tt.left}} {
			k, err := agent.PruneWorkspaces(dir, prune.before, prune.dry)
			if err != nil || k.Items != tt.left || k.RemovedItems != prune.removed || k.RemovedItems > 0 && k.RemovedBytes == 0 {
				t.Errorf("age %v: %+v removed %+v, %v", tt.age, prune, k, err)
			}
		}
		if left, err := filepath.Glob(filepath.Join(dir, "workspaces", "*-*")); err != nil || len(left) > 0 {
			t.Errorf("age %v: left %q, %v", tt.age, left, err)
		}
	}
}

// TestJobFolders: what jobs' folders, and the caches that they have yet to send, take.
func TestJobFolders(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if k := agent.JobFolders(dir); k.Items != 0 || k.Kind != errand.StoredJobFolders {
		t.Errorf("of a new agent: %+v", k)
	}
	for _, name := range []string{"attempts/j-1/log", "attempts/j-1/caches/0/pack", "work/0-app/main.c", "cache/packs/ann/x", "workspaces/w-0/work/x"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("1234"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if k := agent.JobFolders(dir); k.Items != 3 || k.Bytes != 12 || k.RemovedItems != 0 {
		t.Errorf("got %+v, want the first three", k)
	}
}
