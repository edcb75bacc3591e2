package kv

import (
	"errors"
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
	names, err := mem.List("new")
	if err != nil {
		return err
	}
	for _, kind := range []string{"", "marker.format", "marker.manifest"} {
		if err := copyNew(mem, o.FS, dir, names, kind); err != nil {
			return fmt.Errorf("create a store in %s: %w", dir, translate(err))
		}
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

// copyNew copies the files of one kind, "" being those that are no markers, and
// makes them durable.
func copyNew(mem, fs vfs.FS, dir string, names []string, kind string) error {
	for _, name := range names {
		isMarker := strings.HasPrefix(name, "marker.")
		if name == "LOCK" || isMarker != (kind != "") || !strings.HasPrefix(name, kind) {
			continue
		}
		if _, err := vfs.Clone(mem, fs, mem.PathJoin("new", name), fs.PathJoin(dir, name), vfs.CloneSync); err != nil {
			return err
		}
	}
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
