package attemptdir

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	tempPrefix = "errand-"
	// tempTries is how often another name is tried for a directory that exists.
	tempTries = 10
	tempMode  = 0o700
)

// CreateTemp creates the commands' TMPDIR below parent. Only this user can enter it.
// Its path is short, because the path of a Unix socket in it is limited to 103
// bytes. The attempt's directory records it first, so that Remove finds it after
// a crash.
func (d Dir) CreateTemp(parent string, slot int) (string, error) {
	var err error
	for range tempTries {
		path := filepath.Join(parent, tempPrefix+strings.ToLower(rand.Text()[:8]))
		if err = d.changePlaces(func(p *places) { p.Temp = path }); err != nil {
			return "", err
		}
		if err = mkdir(path, spare(d.data(), slot, spareTemp), tempMode); err == nil {
			return path, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	return "", err
}

// CreateLongTemp creates the commands' TMPDIR in the attempt's directory.
func (d Dir) CreateLongTemp() (string, error) {
	path := d.join("tmp")
	return path, os.Mkdir(path, 0o700)
}

// CreateHome creates a home directory for the commands.
func (d Dir) CreateHome() (string, error) {
	path := d.join("home")
	return path, os.Mkdir(path, 0o700)
}

// KeepTemp makes Remove and RemoveTemp keep what CreateTemp created: the directory is a
// copy, and the commands of the original may run.
func (d Dir) KeepTemp() { _ = d.forgetTemp() } // it may be missing

func (d Dir) forgetTemp() error { return d.changePlaces(func(p *places) { p.Temp = "" }) }

// RemoveTemp removes what CreateTemp created. A record that doesn't name such a
// directory was damaged by a crash or by the commands, and is ignored.
func (d Dir) RemoveTemp() error {
	path := d.tempPath()
	if path == "" {
		return nil
	}
	if err := removeTree(path); err != nil {
		return err
	}
	return d.forgetTemp()
}

// LeaveTemp is RemoveTemp, but an empty one is kept for the next attempt of the slot.
func (d Dir) LeaveTemp(slot int) error {
	if path := d.tempPath(); path != "" && leaveSpare(path, spare(d.data(), slot, spareTemp), tempMode) {
		return d.forgetTemp()
	}
	return d.RemoveTemp()
}

// tempPath is the path of what CreateTemp created; empty: there is nothing.
func (d Dir) tempPath() string {
	path := d.places().Temp
	if !filepath.IsAbs(path) || !strings.HasPrefix(filepath.Base(path), tempPrefix) {
		return ""
	}
	return path
}

// removeTree removes a directory with all that is in it. Most that commands leave are empty.
func removeTree(path string) error {
	if err := os.Remove(path); err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	return removeAll(root, filepath.Base(path))
}
