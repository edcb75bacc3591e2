package attemptdir

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// A spare is a directory that an attempt left empty, for the next one of its slot: to move
// one costs less than to remove it and to make another, as places says of files. It is in the
// supervisor's directory, if there is one.
func spare(data string, slot int, name string) string {
	return filepath.Join(data, "slots", strconv.Itoa(slot), name)
}

// The names of spares.
const (
	spareTemp = "tmp"
	spareWork = "work"
)

// mkdir moves the spare to path, or makes a directory there.
func mkdir(path, spare string, mode fs.FileMode) error {
	if isSpare(spare, mode) && os.Rename(spare, path) == nil {
		return nil
	}
	return os.Mkdir(path, mode)
}

// leaveSpare makes a directory the spare, if it is good for that. It returns false also
// where the spare is on another file system.
func leaveSpare(path, spare string, mode fs.FileMode) bool {
	return isSpare(path, mode) && os.Rename(path, spare) == nil
}

// isSpare reports whether a path is an empty directory of the mode.
func isSpare(path string, mode fs.FileMode) bool {
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != fs.ModeDir|mode {
		return false
	}
	dir, err := os.Open(path)
	if err != nil {
		return false
	}
	_, err = dir.Readdirnames(1)
	_ = dir.Close() // opened for reading
	return errors.Is(err, io.EOF)
}
