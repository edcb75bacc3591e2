package kv

import (
	"errors"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// markersLast makes what a marker points to durable before the marker, and a
// marker before the one it replaces goes.
//
// Pebble names its manifest by the name of an empty file, the marker. It creates
// the manifest, then the marker, removes the old marker, and then syncs the
// directory, once. A file system that doesn't keep the order of what is done to
// a directory (POSIX doesn't ask for it; journals mostly give it) could keep the
// marker alone over a power cut, or lose both: the store couldn't be opened any
// more, or would begin anew.
type markersLast struct{ vfs.FS }

func (fs markersLast) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := fs.syncBefore(name); err != nil {
		return nil, err
	}
	return fs.FS.Create(name, category)
}

func (fs markersLast) Remove(name string) error {
	if err := fs.syncBefore(name); err != nil {
		return err
	}
	return fs.FS.Remove(name)
}

// syncBefore syncs the directory of a marker.
func (fs markersLast) syncBefore(name string) error {
	if !strings.HasPrefix(fs.PathBase(name), "marker.") {
		return nil
	}
	d, err := fs.OpenDir(fs.PathDir(name))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Unwrap implements vfs.FS.
func (fs markersLast) Unwrap() vfs.FS { return fs.FS }
