// Package durable replaces files so that a crash or a power cut leaves the old
// content or the new one, never a part of either.
//
// A write goes to a temporary file beside its target, which is synced, renamed
// over the target, and made permanent by syncing the directory. See "Files are
// hard" (danluu.com/file-consistency) for why none of the steps can be left out.
package durable

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
)

// FS is the part of a file system that durable writes need. OS is the machine's.
type FS interface {
	ReadFile(name string) ([]byte, error)
	// Create creates or truncates the file. An existing one keeps its mode.
	Create(name string, perm fs.FileMode) (File, error)
	Rename(from, to string) error
	Remove(name string) error
	// PathDir returns a path without its last element, and PathJoin joins elements.
	// A file system in memory has slashes on Windows, too.
	PathDir(path string) string
	PathJoin(elem ...string) string
	// SyncDir makes the names in a directory permanent.
	SyncDir(dir string) error
}

// A File is open for writing.
type File interface {
	io.WriteCloser
	Sync() error
}

// WriteFile replaces the file at path. The new content is on disk when it
// returns nil. After an error the old content may still be there, or the new
// one already be.
func WriteFile(fsys FS, path string, data []byte, perm fs.FileMode) error {
	temp := path + ".tmp"
	f, err := fsys.Create(temp, perm)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return errors.Join(err, f.Close(), fsys.Remove(temp))
	}
	return Commit(fsys, f, temp, path)
}

// Commit makes the file that was written at temp the one at path: it syncs and
// closes f, renames it and syncs the directory. If it fails before the rename,
// it removes temp.
func Commit(fsys FS, f File, temp, path string) error {
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return errors.Join(err, fsys.Remove(temp))
	}
	if err := fsys.Rename(temp, path); err != nil {
		return errors.Join(err, fsys.Remove(temp))
	}
	return fsys.SyncDir(fsys.PathDir(path))
}

// WriteJSON is WriteFile with v as JSON. Only the current user can read the file.
func WriteJSON(fsys FS, path string, v any) error {
	b, err := json.Marshal(v)
	if err == nil {
		err = WriteFile(fsys, path, b, 0o600)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return nil
}

// ReadJSON reads a file that WriteJSON wrote. Errors: fs.ErrNotExist.
func ReadJSON(fsys FS, path string, v any) error {
	b, err := fsys.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("read %s: %w", filepath.Base(path), err)
	}
	return nil
}
