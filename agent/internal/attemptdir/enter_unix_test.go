//go:build unix

package attemptdir_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/attemptdir"
)

// TestRootsWorkDirCanBeEntered: by a program that was started as root and gives that up,
// as databases do in tests. Other users' agents keep theirs to themselves.
func TestRootsWorkDirCanBeEntered(t *testing.T) {
	t.Parallel()
	d := create(t)
	want := fs.FileMode(0o700)
	if os.Geteuid() == 0 {
		want = 0o711
	}
	root := filepath.Dir(string(d))
	for _, dir := range []string{string(d), root, d.Work()} {
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm()&0o711 != want {
			t.Errorf("%s: mode %v, %v; want %v", dir, info.Mode(), err, want)
		}
	}
}

// TestRootsDirsAreOpened: those that exist with another mode, as from an agent that did not
// run as root.
func TestRootsDirsAreOpened(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("skipped: the agent does not run as root")
	}
	data := t.TempDir()
	dirs := []string{data, filepath.Join(data, "attempts"), filepath.Join(data, "work")}
	for _, dir := range dirs[1:] {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	d, err := attemptdir.Create(data, &errand.Assignment{JobID: "A", Attempt: 1}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.PlaceWork(attemptdir.WorkName(0, "x")); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]fs.FileMode{dirs[0]: 0o711, dirs[1]: 0o711, dirs[2]: 0o711, string(d): 0o711, d.Work(): 0o755} {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, %v; want %v", dir, info.Mode(), err, want)
		}
	}
}
