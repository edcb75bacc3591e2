package kv

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// isManifestMarker reports whether name is that of the file that says which
// manifest is the store's. With it, a directory holds a store.
func isManifestMarker(name string) bool { return strings.HasPrefix(name, "marker.manifest.") }

// createIfMissing creates an empty store in dir if there is none.
func createIfMissing(dir string, o Options) error {
	names, err := o.FS.List(dir)
	if err != nil {
		return fmt.Errorf("list %s: %w", dir, err)
	}
	if o.NoSync || slices.ContainsFunc(names, isManifestMarker) {
		return nil // without syncs, Pebble creates it as fast
	}
	if err := create(o.FS, dir); err != nil {
		return fmt.Errorf("create a store in %s: %w", dir, translate(err))
	}
	return nil
}

// create puts an empty store into dir. Pebble takes a new store through each of
// its format versions, with two syncs for each: 60 ms on a common SSD. So Pebble
// makes the store in memory, and its manifest and markers are copied from there.
// What else it has there, a log and its options, says nothing yet.
func create(fs vfs.FS, dir string) error {
	mem := vfs.NewMem()
	db, err := pebble.Open("", &pebble.Options{FS: mem, FormatMajorVersion: pebble.FormatNewest, Logger: logger{}})
	if err != nil {
		return err
	}
	if err := db.Close(); err != nil {
		return err
	}
	other := func(name string) bool {
		return isMarker(name) && !isManifestMarker(name) || strings.HasPrefix(name, manifestPrefix)
	}
	if err := copyFiles(fs, dir, mem, other); err != nil {
		return err
	}
	return copyFiles(fs, dir, mem, isManifestMarker) // last, when all else is on disk
}

// copyFiles copies the files of from's root that are wanted into dir, and syncs
// them and dir.
func copyFiles(fs vfs.FS, dir string, from vfs.FS, wanted func(name string) bool) error {
	names, err := from.List("")
	if err != nil {
		return err
	}
	for _, name := range names {
		if !wanted(name) {
			continue
		}
		if err := copyFile(fs, fs.PathJoin(dir, name), from, name); err != nil {
			return err
		}
	}
	return syncDir(fs, dir)
}

func copyFile(fs vfs.FS, name string, from vfs.FS, source string) error {
	in, err := from.Open(source)
	if err != nil {
		return err
	}
	out, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return errors.Join(err, in.Close())
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close(), in.Close())
}
