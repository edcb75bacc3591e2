//go:build unix

package attemptdir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestRemoveDeepTree: commands can nest directories deeper than a path can say, or
// than this process may open at a time, and make them read-only.
func TestRemoveDeepTree(t *testing.T) {
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	few := before
	few.Cur = 100
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
			t.Error(err)
		}
	}()
	d := Dir(filepath.Join(t.TempDir(), "attempt"))
	makeDeep(t, filepath.Join(d.Work(), "first"), 500)
	if err := d.Remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(string(d)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory is left: %v", err)
	}
}

// makeDeep makes levels of directories within each other, each with a file, which end
// read-only. No call has a long path.
func makeDeep(t *testing.T, dir string, levels int) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	at, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	for range levels {
		f, err := at.Create("file")
		if err != nil {
			t.Fatal(err)
		}
		err = errors.Join(f.Close(), at.Mkdir("d", 0o700))
		next, oerr := at.OpenRoot("d")
		if err := errors.Join(err, oerr, at.Chmod(".", 0o500), at.Close()); err != nil {
			t.Fatal(err)
		}
		at = next
	}
	if err := at.Close(); err != nil {
		t.Fatal(err)
	}
}
