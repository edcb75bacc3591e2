package kv

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// create puts an empty store into a directory that has none. Pebble would take
// a new store through each of its format's versions, with a sync or two for
// every step; here it does so in memory, and the outcome is copied: what the
// markers name first.
func create(dir string, o Options) error {
	if o.NoSync { // then the steps cost nothing
		return nil
	}
	if exists, err := isStore(dir, o.FS); err != nil || exists {
		return err
	}
	mem := vfs.NewMem()
	db, err := pebble.Open("new", &pebble.Options{FS: mem, FormatMajorVersion: pebble.FormatNewest, Logger: logger{o.Logf}})
	if err != nil {
		return fmt.Errorf("make an empty store: %w", err)
	}
	if err := db.Close(); err != nil {
		return fmt.Errorf("make an empty store: %w", err)
	}
	if err := copyNew(mem, o.FS, dir); err != nil {
		return fmt.Errorf("create a store in %s: %w", dir, translate(err))
	}
	return nil
}

// isStore reports whether there is a marker that names a manifest: the last
// thing that create writes.
func isStore(dir string, fs vfs.FS) (bool, error) {
	names, err := fs.List(dir)
	if err != nil {
		return false, fmt.Errorf("list %s: %w", dir, err)
	}
	return slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, "marker.manifest") }), nil
}

// copyNew copies what makes a store: the manifest, and the markers that name
// the format's version and it. The manifest's comes last, when all else is on
// disk. The log and the options of an empty store say nothing.
func copyNew(mem, fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := copyKind(mem, fs, dir, "MANIFEST", vfs.CloneSync); err != nil {
		return err
	}
	for _, marker := range []string{"marker.format", "marker.manifest"} {
		// Markers are empty: their directory's sync is theirs.
		if err := copyKind(mem, fs, dir, marker); err != nil {
			return err
		}
		if err := d.Sync(); err != nil {
			return err
		}
	}
	return nil
}

// copyKind copies the file of a kind.
func copyKind(mem, fs vfs.FS, dir, kind string, opts ...vfs.CloneOption) error {
	names, err := mem.List("new")
	if err != nil {
		return err
	}
	for _, name := range names {
		if strings.HasPrefix(name, kind) {
			_, err = vfs.Clone(mem, fs, mem.PathJoin("new", name), fs.PathJoin(dir, name), opts...)
		}
	}
	return err
}
