package project

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// copyTo writes the files and folders of a selection.
func copyTo(t *testing.T, s *Selection) string {
	t.Helper()
	dir := t.TempDir()
	for i := range s.Entries {
		e := &s.Entries[i]
		at := filepath.Join(dir, filepath.FromSlash(e.Path))
		if e.Kind == Folder {
			if err := os.Mkdir(at, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		f, err := s.Open(e)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(f)
		if err != nil || int64(len(b)) != f.Size {
			t.Fatalf("%s: %d bytes, %v", e.Path, len(b), err)
		}
		if err := os.WriteFile(at, b, e.Mode.Perm()|0o200); err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
	}
	return dir
}

func TestSelectGit(t *testing.T) {
	t.Parallel()
	library := tree(t, map[string]string{"lib.c": ""})
	git(t, library, "init", "-q")
	git(t, library, "add", ".")
	git(t, library, "commit", "-qm", "one")
	git(t, library, "tag", "-am", "lib", "lib-1")
	origin := tree(t, map[string]string{"a": "1", "sub/": "", ".gitignore": "*.o\n"})
	git(t, origin, "init", "-q")
	git(t, origin, "submodule", "add", "-q", library, "lib")
	git(t, origin, "add", ".")
	git(t, origin, "commit", "-qm", "one")
	git(t, origin, "tag", "-am", "first", "v1.2.3")
	write(t, origin, map[string]string{"a": "2"})
	git(t, origin, "commit", "-qam", "two")
	git(t, origin, "remote", "add", "origin", "https://user:secret@example.net/x")
	git(t, origin, "config", "credential.helper", "!echo password=secret")
	write(t, origin, map[string]string{".git/hooks/pre-commit": "#!/bin/sh\n"})
	borrower, worktree := filepath.Join(t.TempDir(), "b"), filepath.Join(t.TempDir(), "w")
	git(t, origin, "clone", "-q", "--shared", ".", borrower)
	git(t, origin, "worktree", "add", "-q", worktree)
	for name, dir := range map[string]string{"repository": origin, "worktree": worktree, "borrower": borrower, "submodule": filepath.Join(origin, "lib")} {
		s := choose(t, dir, Options{Git: true})
		if !slices.IsSortedFunc(s.Entries, func(a, b Entry) int {
			return strings.Compare(strings.ReplaceAll(a.Path, "/", "\x00"), strings.ReplaceAll(b.Path, "/", "\x00"))
		}) {
			t.Errorf("%s: the entries are not in order: %s", name, paths(s))
		}
		for _, e := range s.Entries {
			if strings.Contains(e.Path, "hooks") || strings.Contains(e.Path, "/logs") {
				t.Errorf("%s: %s is sent", name, e.Path)
			}
		}
		if config := content(t, s, ".git/config"); strings.Contains(config, "secret") || strings.Contains(config, "remote") {
			t.Errorf("%s: config:\n%s", name, config)
		}
		there := copyTo(t, s)
		for _, question := range [][]string{{"describe", "--tags", "--long", "--dirty"}, {"log", "--format=%H %s"}, {"status", "--porcelain", "--ignore-submodules=none"}, {"fsck", "--connectivity-only"}} {
			if want, got := git(t, dir, question...), git(t, there, question...); got != want && question[0] != "fsck" {
				t.Errorf("%s: git %v: %q there, %q here", name, question, got, want)
			}
		}
	}
	if got := git(t, filepath.Join(copyTo(t, choose(t, origin, Options{Git: true})), "lib"), "describe", "--tags"); got != "lib-1" {
		t.Errorf("in the submodule there: %s", got)
	}
}

func TestSelectGitRefuses(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"sub/a": ""})
	git(t, dir, "init", "-q")
	plain := tree(t, map[string]string{"a": ""})
	asks := tree(t, map[string]string{".errandignore": "!.git/\n", ".git/HEAD": ""})
	for _, tt := range []struct {
		dir, want string
		o         Options
	}{
		{filepath.Join(dir, "sub"), "--git needs the top of the git work tree, which is ", Options{Git: true}},
		{plain, "--git needs a git work tree", Options{Git: true}},
		{asks, `".errandignore": patterns do not include .git; --git sends what git needs of it`, Options{}},
		{plain, "patterns do not include .git; --git sends", Options{Patterns: []string{"!.git"}}},
	} {
		if _, err := Select(t.Context(), tt.dir, tt.o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.want, err)
		}
	}
}
