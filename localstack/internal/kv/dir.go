package kv

import (
	"errors"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// makeDir creates dir and the directories above it that are missing, and syncs
// the parent of each: also dir's own if dir exists, since whoever created it may
// have crashed before the sync.
func makeDir(fs vfs.FS, dir string) error {
	parents := []string{fs.PathDir(dir)}
	for p := parents[0]; !exists(fs, p) && fs.PathDir(p) != p; {
		p = fs.PathDir(p)
		parents = append(parents, p)
	}
	err := fs.MkdirAll(dir, 0o700)
	for _, p := range parents {
		if err == nil {
			err = syncDir(fs, p)
		}
	}
	return err
}

func exists(fs vfs.FS, name string) bool {
	_, err := fs.Stat(name)
	return err == nil
}

func syncDir(fs vfs.FS, name string) error {
	d, err := fs.OpenDir(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
