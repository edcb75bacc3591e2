package attemptdir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// letOthersEnter lets the commands of a job that runs as root give up their rights and
// still work in their directory. Others can list none of the directories above it, and
// the files in those are the owner's alone.
func (d Dir) letOthersEnter() error {
	if !isRoot {
		return nil
	}
	root := filepath.Dir(string(d))
	return errors.Join(setMode(d.join("work"), workMode), setMode(string(d), dirMode), setMode(root, dirMode), setMode(filepath.Dir(root), dirMode))
}

var isRoot = os.Geteuid() == 0

// The modes of working directories, and of those above them.
var (
	workMode = modeFor(0o755)
	dirMode  = modeFor(0o711)
)

func modeFor(root fs.FileMode) fs.FileMode {
	if isRoot {
		return root
	}
	return 0o700
}

// setMode changes the mode of a directory, unless it has it: most do, and a change is a
// write.
func setMode(path string, mode fs.FileMode) error {
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() == mode {
		return err
	}
	return os.Chmod(path, mode)
}
