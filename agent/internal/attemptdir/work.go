package attemptdir

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

var workName = regexp.MustCompile(`^[0-9]{1,4}-[0-9a-f]{16}$`)

// WorkName is the name of the folder of a slot's jobs that share parts, such as an owner, a
// queue and a project.
func WorkName(slot int, parts ...string) string {
	return fmt.Sprintf("%d-%s", slot, hashOf(parts)[:16])
}

func hashOf(parts []string) string {
	sum := sha256.New()
	for _, p := range parts {
		_, _ = fmt.Fprintf(sum, "%d %s\n", len(p), p) // a hash's writes don't fail
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func (d Dir) data() string { return filepath.Dir(filepath.Dir(string(d))) }

// Work is the commands' working directory.
func (d Dir) Work() string {
	if id := d.Workspace(); id != "" {
		return filepath.Join(Workspaces{d.data()}.dir(), id, "work")
	}
	if name := d.workName(); name != "" {
		return filepath.Join(workRoot(d.data()), name)
	}
	return d.join("work")
}

func workRoot(data string) string { return filepath.Join(data, "work") }

func (d Dir) workName() string {
	if name := d.places().Work; workName.MatchString(name) {
		return name
	}
	return "" // it is work/ in the attempt's directory
}

func (d Dir) setWorkName(name string) error { return d.changePlaces(func(p *places) { p.Work = name }) }

// PlaceWork moves the working directory, which is empty, to a path that depends on its name
// alone: caches of compilers know it again. It does nothing if another attempt has that,
// which must be an earlier one of the slot.
func (d Dir) PlaceWork(name string) error {
	root := workRoot(d.data())
	path := filepath.Join(root, name)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) { // Rename replaces one that is empty
		return err
	}
	err := os.Rename(d.join("work"), path)
	if errors.Is(err, fs.ErrNotExist) {
		err = errors.Join(os.MkdirAll(root, dirMode), os.Rename(d.join("work"), path))
	}
	if err != nil {
		return err
	}
	if err := d.setWorkName(name); err != nil {
		return errors.Join(err, os.Rename(path, d.join("work")))
	}
	if isRoot { // see letOthersEnter
		return setMode(root, dirMode)
	}
	return nil
}

// LeaveWork is TakeBackWork, but an empty one is kept for the next attempt of the slot.
func (d Dir) LeaveWork(slot int) error {
	if name := d.workName(); name != "" && leaveSpare(filepath.Join(workRoot(d.data()), name), spare(d.data(), slot, spareWork), workMode) {
		return d.setWorkName("")
	}
	return d.TakeBackWork()
}

// TakeBackWork moves the working directory into the attempt's, or removes it if it is
// empty. From then on, another attempt may place its own there.
func (d Dir) TakeBackWork() error {
	name := d.workName()
	if name == "" {
		return nil
	}
	path := filepath.Join(workRoot(d.data()), name)
	err := os.Remove(path) // most are empty
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		err = os.Rename(path, d.join("work"))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return d.setWorkName("")
}

// removeWork removes the working directory from where it was placed.
func (d Dir) removeWork() error {
	name := d.workName()
	if name == "" || d.TakeBackWork() == nil {
		return nil
	}
	root, err := os.OpenRoot(workRoot(d.data()))
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	return errors.Join(removeAll(root, name), d.setWorkName(""))
}

// RemoveUnusedWork removes the working directories that no attempt has: the process that
// made them was killed before it noted that.
func RemoveUnusedWork(data string) error {
	dirs, err := List(data)
	if err != nil {
		return err
	}
	used := map[string]bool{}
	for _, d := range dirs {
		used[d.workName()] = true
	}
	root, err := os.OpenRoot(workRoot(data))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	entries, err := fs.ReadDir(root.FS(), ".")
	for _, e := range entries {
		if !used[e.Name()] {
			err = errors.Join(err, removeAll(root, e.Name()))
		}
	}
	return err
}
