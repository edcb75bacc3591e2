package project

import (
	"io/fs"
	"os"
)

// IsUnchanged reports whether info is of the same file or link as the entry, and nothing
// of it has changed since it was selected.
func (e *Entry) IsUnchanged(info fs.FileInfo) bool {
	switch info.Mode().Type() {
	case 0:
		if e.Kind != File || info.Size() != e.Size {
			return false
		}
	case os.ModeSymlink:
		if e.Kind != Link {
			return false
		}
	default:
		return false
	}
	id, _ := identify(info)
	return info.ModTime().Equal(e.ModTime) && id == e.ID
}
