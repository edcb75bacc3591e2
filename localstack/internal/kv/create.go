package kv

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// What makes an empty store, as Pebble does: the manifest, and the names of the
// markers, empty files, that say the format's version and which manifest it is.
// The log and the options of an empty store say nothing. TestEmptyStore holds
// this to Pebble.
const (
	firstManifest  = "MANIFEST-000001"
	emptyManifest  = "\xa1\x17wJ \x00\x01\x01\x1aleveldb.BytewiseComparator\x03\x02\x04\x00"
	formatMarker   = "marker.format-version.000011.024"
	manifestMarker = "marker.manifest.000001." + firstManifest
)

// create puts an empty store into dir, which has none. Pebble would take
// a new store through each of its format's versions, with a sync or two for
// every step. The marker of the manifest comes last, when all else is on disk:
// with it there is a store.
func create(dir string, above []string, o Options) error {
	if o.NoSync { // then the steps cost nothing
		return nil
	}
	err := firstOf(
		func() error { return writeFile(o.FS, o.FS.PathJoin(dir, firstManifest), emptyManifest) },
		func() error { return writeFile(o.FS, o.FS.PathJoin(dir, formatMarker), "") },
		func() error { return syncDirs(o.FS, append([]string{dir}, above...)) },
		func() error { return writeFile(o.FS, o.FS.PathJoin(dir, manifestMarker), "") },
		func() error { return syncDirs(o.FS, []string{dir}) },
	)
	if err != nil {
		return fmt.Errorf("create a store in %s: %w", dir, translate(err))
	}
	return nil
}

// firstOf takes steps up to one that fails.
func firstOf(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// isStore reports whether there is a marker that names a manifest: the last
// thing that create writes. names are the directory's files.
func isStore(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, "marker.manifest") })
}

// writeFile writes a file, and syncs it if there is anything in it; its name is
// its directory's to sync.
func writeFile(fs vfs.FS, name, content string) error {
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	if content != "" {
		_, err = f.Write([]byte(content))
		err = errors.Join(err, f.Sync())
	}
	return errors.Join(err, f.Close())
}

// makeDir creates dir and what is missing above it. above are the directories
// to sync with it: those that hold what was created, and the one that holds dir
// in any case, since whoever created dir may not have come as far.
func makeDir(fs vfs.FS, dir string) (above []string, err error) {
	for d := dir; ; {
		parent := fs.PathDir(d)
		above = append(above, parent)
		if parent == d || parent == "." {
			break
		}
		if _, err := fs.Stat(parent); err == nil {
			break
		}
		d = parent
	}
	return above, fs.MkdirAll(dir, 0o700)
}

func syncDirs(fs vfs.FS, dirs []string) error {
	for _, dir := range dirs {
		d, err := fs.OpenDir(dir)
		if err != nil {
			return err
		}
		if err := errors.Join(d.Sync(), d.Close()); err != nil {
			return err
		}
	}
	return nil
}

// syncedAbove spares Pebble the sync of the directory that holds the store's:
// create has done that, before there was a store.
type syncedAbove struct {
	vfs.FS
	above string
}

func (fs syncedAbove) OpenDir(name string) (vfs.File, error) {
	d, err := fs.FS.OpenDir(name)
	if err != nil || name != fs.above {
		return d, err
	}
	return syncedDir{d}, nil
}

// Unwrap implements vfs.FS.
func (fs syncedAbove) Unwrap() vfs.FS { return fs.FS }

type syncedDir struct{ vfs.File }

func (syncedDir) Sync() error { return nil }
