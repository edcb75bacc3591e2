package attemptdir

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// last are removed last, so that after a crash in between the outcome is reported
// again rather than lost.
var last = []string{workspaceRecord, "artifacts.json", "result.json", "job.json", stagesFile, "log", "sent"}

// Remove removes the directory and TMPDIR, including what commands made read-only. It
// never follows a symbolic link: commands may have put one in the directory's place.
func (d Dir) Remove() error {
	if d == "" { // of an attempt that got none; its base would be the process's own directory
		return nil
	}
	root, err := os.OpenRoot(filepath.Dir(string(d)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	name := filepath.Base(string(d))
	info, err := root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.IsDir():
		return root.Remove(name)
	}
	if err := errors.Join(d.RemoveTemp(), d.removeWork(), removeContent(root, name, info)); err != nil {
		return err
	}
	return root.RemoveAll(name)
}

// removeContent removes all but the last entries of a directory.
func removeContent(root *os.Root, name string, info fs.FileInfo) error {
	dir, err := root.OpenRoot(name)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	if opened, err := dir.Stat("."); err != nil || !os.SameFile(info, opened) {
		return errors.Join(err, fmt.Errorf("%s was replaced while it was removed", name))
	}
	names, err := namesIn(dir)
	for _, n := range names {
		if !slices.Contains(last, n) {
			err = errors.Join(err, removeAll(dir, n))
		}
	}
	return err
}

// namesIn lists a directory, without a look at each entry.
func namesIn(root *os.Root) ([]string, error) {
	f, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // opened for reading
	return f.Readdirnames(-1)
}

// removeAll is RemoveAll, but also removes directories that aren't writable, and those
// that are nested deeper than the process may open files.
func removeAll(root *os.Root, name string) error {
	if err := root.RemoveAll(name); err == nil {
		return nil
	}
	flatten(root, name) // RemoveAll says what is wrong
	return root.RemoveAll(name)
}

// flatten makes the directories below name writable, and moves each to the top, so
// that no path is longer than two elements.
func flatten(parent *os.Root, name string) {
	_ = parent.Chmod(name, 0o700)
	root, err := parent.OpenRoot(name)
	if err != nil {
		return
	}
	defer func() { _ = root.Close() }() // opened for reading
	moved, unused := 0, rand.Text()
	for pending := []string{"."}; len(pending) > 0; {
		dir := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		_ = root.Chmod(dir, 0o700)
		entries, _ := fs.ReadDir(root.FS(), dir)
		for _, e := range entries {
			name := filepath.Join(dir, e.Name())
			if !e.IsDir() {
				_ = root.Remove(name)
				continue
			}
			_ = root.Chmod(name, 0o700) // a directory that isn't writable can't be moved
			to := fmt.Sprintf("%s-%d", unused, moved)
			moved++
			if root.Rename(name, to) == nil {
				pending = append(pending, to)
			}
		}
	}
}
