package project

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestSelectSubmodulesByTheirOwnRules(t *testing.T) {
	t.Parallel()
	library := tree(t, map[string]string{"lib.c": "", ".gitignore": "*.x\n"})
	git(t, library, "init", "-q")
	git(t, library, "add", ".")
	git(t, library, "commit", "-qm", "one")
	dir := tree(t, map[string]string{".gitignore": "*.c\n/ignored/\n", "main.x": "", "main.c": ""})
	git(t, dir, "init", "-q")
	git(t, dir, "submodule", "add", "-q", library, "sub")
	git(t, dir, "submodule", "add", "-q", library, "empty")
	write(t, dir, map[string]string{"sub/new.c": "", "sub/new.x": "", "plain/a.c": "", "plain/a.x": "", "ignored/x": ""})
	for _, nested := range []string{"plain", "ignored"} {
		git(t, filepath.Join(dir, nested), "init", "-q")
	}
	git(t, dir, "submodule", "deinit", "-q", "-f", "empty")
	s := choose(t, dir, Options{})
	expect(t, s, ".gitignore .gitmodules empty/ main.x plain/ plain/a.c plain/a.x sub/ sub/.gitignore sub/lib.c sub/new.c")
	if len(s.Notes) != 1 || !strings.Contains(s.Notes[0].String(), `"empty" is empty: git has a submodule there`) {
		t.Errorf("notes: %v", s.Notes)
	}
	expect(t, choose(t, filepath.Join(dir, "sub"), Options{}), ".gitignore lib.c new.c")
}

func TestSelectWorktreesAndSparseCheckouts(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{".gitignore": "*.o\n", "a/x": "", "b/y": "", "top": ""})
	git(t, dir, "init", "-q")
	git(t, dir, "add", ".")
	git(t, dir, "commit", "-qm", "one")
	other := filepath.Join(t.TempDir(), "other")
	git(t, dir, "worktree", "add", "-q", other)
	write(t, other, map[string]string{"a/x.o": "", "new": ""})
	write(t, dir, map[string]string{".git/info/exclude": "new\n"})
	expect(t, choose(t, other, Options{}), ".gitignore a/ a/x b/ b/y top")
	expect(t, choose(t, other, Options{withoutGit: true}), ".gitignore a/ a/x b/ b/y top")
	git(t, dir, "sparse-checkout", "set", "--cone", "--sparse-index", "a")
	expect(t, choose(t, dir, Options{}), ".gitignore a/ a/x top")
}

// TestSelectRunsNoProgramOfTheRepository: its settings name some that git would run.
func TestSelectRunsNoProgramOfTheRepository(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the hooks are shell scripts")
	}
	ran := filepath.Join(t.TempDir(), "ran")
	dir := tree(t, map[string]string{"file": "", "hook": "#!/bin/sh\ntouch " + ran + "\n"})
	if err := os.Chmod(filepath.Join(dir, "hook"), 0o755); err != nil {
		t.Fatal(err)
	}
	git(t, dir, "init", "-q")
	git(t, dir, "add", ".")
	hook := filepath.Join(dir, "hook")
	for _, setting := range []string{"core.fsmonitor", "core.sshCommand", "core.pager", "core.editor", "filter.x.clean", "filter.x.process", "diff.external", "core.askPass"} {
		git(t, dir, "config", setting, hook)
	}
	git(t, dir, "config", "core.hooksPath", dir)
	write(t, dir, map[string]string{".gitattributes": "* filter=x\n", "post-index-change": "#!/bin/sh\ntouch " + ran + "\n"})
	choose(t, dir, Options{})
	if _, err := os.Stat(ran); err == nil {
		t.Error("a program that the repository names was run")
	}
	status := exec.Command("git", "-c", "core.fsmonitor="+hook, "status")
	status.Dir = dir
	_ = status.Run() // a filter fails
	if _, err := os.Stat(ran); err != nil {
		t.Error("the test's hook does not work: ", err)
	}
}

// TestSelectEndsWithGitsAdvice is not parallel: it sets the environment.
func TestSelectEndsWithGitsAdvice(t *testing.T) {
	dir := tree(t, map[string]string{"file": ""})
	git(t, dir, "init", "-q")
	t.Setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
	_, err := Select(t.Context(), dir, Options{})
	var refused *GitError
	if !errors.As(err, &refused) || !strings.Contains(refused.Text, "dubious ownership") || !strings.HasPrefix(refused.Advice, "git config --global --add safe.directory ") {
		t.Errorf("got %#v", err)
	}
}

func TestSelectAFolderThatGitIgnores(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{".gitignore": "/build/\n*.o\n", "build/out/x.o": "", "build/.gitignore": "*.tmp", "build/x.tmp": ""})
	git(t, dir, "init", "-q")
	for _, o := range []Options{{}, {withoutGit: true}} {
		s := choose(t, filepath.Join(dir, "build"), o)
		expect(t, s, ".gitignore out/ out/x.o")
		if len(s.Notes) != 1 || !strings.Contains(s.Notes[0].Text, "is ignored by git") {
			t.Errorf("notes: %v", s.Notes)
		}
	}
}

func TestSelectIgnoreFilesThatAreNone(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"patterns": "*.o\n", "x.o": ""})
	if err := os.Symlink("patterns", filepath.Join(dir, ".gitignore")); err != nil {
		t.Skip("no symbolic links: ", err)
	}
	git(t, dir, "init", "-q")
	for _, o := range []Options{{}, {withoutGit: true}} {
		s := choose(t, dir, o)
		expect(t, s, ".gitignore->patterns patterns x.o")
		if len(s.Notes) != 1 || !strings.Contains(s.Notes[0].String(), `".gitignore" is not a regular file`) {
			t.Errorf("notes: %v", s.Notes)
		}
	}
	if err := os.Rename(filepath.Join(dir, ".gitignore"), filepath.Join(dir, ".errandignore")); err != nil {
		t.Fatal(err)
	}
	if _, err := Select(t.Context(), dir, Options{}); err == nil || !strings.Contains(err.Error(), `".errandignore" must be a regular file`) {
		t.Errorf("got %v", err)
	}
}
