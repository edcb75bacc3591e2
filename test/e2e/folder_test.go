//go:build unix

package e2e

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMakeRebuildsWhatIsOlder: a folder is sent with a program that is older than its
// source. Were all files as old as their unpacking, make would run the old program.
func TestMakeRebuildsWhatIsOlder(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("no make: ", err)
	}
	s := local(t, "1")
	dir := files(t, map[string]string{
		"Makefile": "main: main.src\n\tcp main.src main\n\tchmod +x main\n",
		"main.src": "#!/bin/sh\necho old\n", "main": "#!/bin/sh\necho old\n",
	})
	old := time.Now().Add(-time.Hour)
	for name, at := range map[string]time.Time{"main.src": old.Add(-time.Second), "main": old, "Makefile": old.Add(-time.Minute)} {
		if err := os.Chtimes(filepath.Join(dir, name), at, at); err != nil {
			t.Fatal(err)
		}
	}
	run := func() string { return s.output("run", dir, "-c", "make -s && sh ./main") }
	if got := run(); got != "old\n" {
		t.Errorf("of a program that is newer than its source: %q", got)
	}
	if err := os.WriteFile(filepath.Join(dir, "main.src"), []byte("#!/bin/sh\necho new\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := run(); got != "new\n" {
		t.Errorf("of a program that is older than its source: %q", got)
	}
	ahead := time.Now().Add(time.Hour) // this machine's clock, say
	for name, at := range map[string]time.Time{"main": ahead, "main.src": ahead.Add(time.Second)} {
		if err := os.Chtimes(filepath.Join(dir, name), at, at); err != nil {
			t.Fatal(err)
		}
	}
	if got := run(); got != "new\n" {
		t.Errorf("of the same in the future: %q", got)
	}
}

// TestRerunOfAChangedFolder: what was sent earlier is in other packs than what changed.
func TestRerunOfAChangedFolder(t *testing.T) {
	t.Parallel()
	s := local(t, "1")
	dir := files(t, map[string]string{"same": "same\n", "changed": "old\n"})
	s.output("run", dir, "-c", "cat same changed")
	if err := os.WriteFile(filepath.Join(dir, "changed"), []byte("new\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	id := s.submit(dir, "-c", "cat same changed")
	if len(s.job(id).Source.Packs) == 0 {
		t.Fatal("the changed folder is one pack: the test shows nothing")
	}
	if got := s.output("rerun", id); got != "same\nnew\n" {
		t.Errorf("errand rerun printed %q", got)
	}
}

// TestSourceIsListed: what a job was sent, in which parts of the list come from earlier packs.
func TestSourceIsListed(t *testing.T) {
	t.Parallel()
	s := local(t, "0")
	dir := files(t, map[string]string{"same": "same\n", "sub/changed": "old\n"})
	at := time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)
	set := func(name string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := errors.Join(os.Chmod(path, 0o640), os.Chtimes(path, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	set("same")
	s.submit(dir, "-c", "true")
	if err := os.WriteFile(filepath.Join(dir, "sub/changed"), []byte("newer\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	set("sub/changed")
	id := s.submit(dir, "-c", "true")
	if got, want := s.output("source", id, "same", "*/changed"), "-rw-r-----\t5\t2025-01-02T03:04:05Z\tsame\n-rw-r-----\t6\t2025-01-02T03:04:05Z\tsub/changed\n"; got != want {
		t.Errorf("list:\n%s\nwant:\n%s", got, want)
	}
	if got := s.output("source", id, "--json"); !strings.Contains(got, `"files": 2,`) || !strings.Contains(got, `"kind": "folder"`) {
		t.Errorf("as JSON: %s", got)
	}
	bare := s.submit("--no-source", "-c", "true")
	p := s.errand("source", bare)
	if code := p.wait(); code != 1 || !strings.Contains(p.stderr.String(), "job "+bare+" was sent no folder") {
		t.Errorf("of a job without a folder: exit code %d; stderr:\n%s", code, p.stderr)
	}
}

// TestFolderArrivesAsItIs: modes, times, links, hard links, holes, empty folders.
func TestFolderArrivesAsItIs(t *testing.T) {
	t.Parallel()
	const list = `find . -printf '%P %m %l %T@ %n %s\n' | sort`
	dir := files(t, map[string]string{"a664": "x", "b666": "x", "c775": "x", "d444": "x", "sub/file": "y", "a:b": "z", `back\slash`: "z"})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, mode := range map[string]os.FileMode{"a664": 0o664, "b666": 0o666, "c775": 0o775, "d444": 0o444} {
		must(os.Chmod(filepath.Join(dir, name), mode))
	}
	must(os.Mkdir(filepath.Join(dir, "empty"), 0o755))
	must(os.Chmod(filepath.Join(dir, "empty"), 0o555))
	must(os.Chmod(filepath.Join(dir, "sub"), os.ModeSetgid|0o775))
	must(os.Symlink("/nowhere/else", filepath.Join(dir, "link")))
	must(os.Link(filepath.Join(dir, "a664"), filepath.Join(dir, "hard")))
	must(os.WriteFile(filepath.Join(dir, "sparse"), nil, 0o600))
	must(os.Truncate(filepath.Join(dir, "sparse"), 50_000_000))
	here := exec.Command("sh", "-c", list)
	here.Dir = dir
	want, err := here.Output()
	if err != nil {
		t.Skip("no GNU find: ", err)
	}
	s := local(t, "1")
	for range 2 {
		got := s.output("run", dir, "-c", list, "-c", "du -k sparse | cut -f1 >&2")
		if got != string(want) {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	}
	if strings.Count(string(want), "\n") < 12 {
		t.Errorf("the folder has only\n%s", want)
	}
}
