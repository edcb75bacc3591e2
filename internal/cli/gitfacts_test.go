//go:build unix

package cli

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// repository is a git work tree with one commit.
type repository struct {
	t   *testing.T
	dir string
}

func newRepository(t *testing.T) *repository {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	r := &repository{t, t.TempDir()}
	r.git("init", "-q", "-b", "topic/one")
	r.git("config", "user.name", "tester")
	r.git("config", "user.email", "tester@example.net")
	r.write("sub/file", "content\n")
	r.write("other", "content\n")
	r.write(".gitignore", "ignored\n")
	r.git("add", ".")
	r.git("commit", "-q", "-m", "one")
	return r
}

func (r *repository) git(args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = r.dir
	cmd.Env = append(gitEnv(os.Environ()), "GIT_CONFIG_GLOBAL="+os.DevNull)
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (r *repository) write(name, content string) {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// expect compares the facts of a folder of the work tree.
func (r *repository) expect(what, folder, commit, branch, dirty string) {
	r.t.Helper()
	want := map[string]string{"ERRAND_GIT_COMMIT": commit, "ERRAND_GIT_BRANCH": branch, "ERRAND_GIT_DIRTY": dirty}
	maps.DeleteFunc(want, func(_, v string) bool { return v == "" })
	if got := findGitFacts(r.t.Context(), filepath.Join(r.dir, folder)); !maps.Equal(got, want) {
		r.t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func TestGitFacts(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	commit := r.git("rev-parse", "HEAD")
	r.write("ignored", "")
	r.expect("clean", ".", commit, "topic/one", "false")
	r.write("other", "changed\n")
	r.expect("a change elsewhere", "sub", commit, "topic/one", "false")
	r.expect("a change", ".", commit, "topic/one", "true")
	r.git("checkout", "-q", "--detach")
	r.git("checkout", "-q", "--", "other")
	r.write("untracked", "")
	r.expect("detached, with an untracked file", ".", commit, "", "true")
	r.git("checkout", "-q", "--orphan", "empty")
	r.expect("no commit", ".", "", "", "")
	if facts := findGitFacts(t.Context(), t.TempDir()); facts != nil {
		t.Errorf("no work tree: %q", facts)
	}
}

// Asking git runs nothing that the repository names, and changes nothing.
func TestGitFactsAreSafe(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	commit := r.git("rev-parse", "HEAD")
	marker := filepath.Join(t.TempDir(), "ran")
	hook := "#!/bin/sh\ntouch " + marker + "\ncat\n"
	r.write(".git/hooks/post-index-change", hook)
	r.write(".git/hooks/fsmonitor", hook)
	r.write(".git/included", "[filter \"b\"]\n\tprocess = "+r.dir+"/.git/hooks/fsmonitor\n")
	for _, name := range []string{"post-index-change", "fsmonitor"} {
		if err := os.Chmod(filepath.Join(r.dir, ".git/hooks", name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r.write(".git/info/attributes", "other filter=a\nsub/file filter=b\n")
	r.git("config", "core.fsmonitor", ".git/hooks/fsmonitor")
	r.git("config", "filter.a.clean", ".git/hooks/fsmonitor")
	r.git("config", "include.path", "included")
	index := filepath.Join(r.dir, ".git/index")
	before, err := os.Stat(index)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"other", "sub/file"} { // same content, so git must look at it
		if err := os.Remove(filepath.Join(r.dir, name)); err != nil {
			t.Fatal(err)
		}
		r.write(name, "content\n")
	}
	r.expect("with programs in its settings", ".", commit, "topic/one", "false")
	if _, err := os.Stat(marker); err == nil {
		t.Error("a program of the repository's settings ran")
	}
	if after, err := os.Stat(index); err != nil || !os.SameFile(before, after) || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("the index was written: %v", err)
	}
	_ = os.Remove(marker)
	if r.git("status", "--porcelain"); !exists(marker) {
		t.Error("git status runs none of these programs: the test shows nothing")
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// A job's own variables win, and the facts take no place that a job needs.
func TestAddGitFacts(t *testing.T) {
	t.Parallel()
	facts := map[string]string{"ERRAND_GIT_COMMIT": "c", "ERRAND_GIT_DIRTY": "true"}
	want := map[string]string{"ERRAND_GIT_COMMIT": "mine", "ERRAND_GIT_DIRTY": "true", "A": "1"}
	if got := addGitFacts(map[string]string{"ERRAND_GIT_COMMIT": "mine", "A": "1"}, maps.Clone(facts)); !maps.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	full := map[string]string{}
	for i := range 99 {
		full["A"+strings.Repeat("x", i)] = ""
	}
	if got := addGitFacts(full, facts); len(got) != 99 {
		t.Errorf("%d variables", len(got))
	}
}
