package artifact

import (
	"errors"
	"io/fs"
	"os"

	"github.com/errandhq/errand"
)

// ErrChanged: a file isn't what it was when it was collected.
var ErrChanged = errors.New("the file has changed since it was collected")

// Open opens a collected file for reading. Errors: ErrChanged, the file system's.
func Open(root *os.Root, f *errand.ArtifactFile) (*os.File, error) {
	file, err := root.OpenFile(f.Path, os.O_RDONLY|NonBlocking, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrChanged
	}
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && (!info.Mode().IsRegular() || info.Size() != f.Size) {
		err = ErrChanged
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}
