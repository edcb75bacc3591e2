package kv

import (
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// markersLast syncs the directory before a marker is created in it, and removes
// a replaced marker only after the sync of its successor.
//
// A marker is an empty file whose name tells which manifest is current. Pebble
// creates the manifest, then the marker, removes the old marker, and then syncs
// the directory once. A file system may reorder changes of a directory (POSIX
// permits it, although most journals don't). After a power cut the marker could be
// there without the manifest, or both markers could be gone: the store couldn't be
// opened, or would be empty. Pebble removes old markers that are left when it
// opens the store.
type markersLast struct {
	vfs.FS
	replaced *replaced
}

// replaced are the paths of the markers to remove after the next sync.
type replaced struct {
	mu    sync.Mutex
	names []string
}

func (r *replaced) add(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.names = append(r.names, name)
}

func (r *replaced) take() (names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	names, r.names = r.names, nil
	return names
}

func isMarker(base string) bool { return strings.HasPrefix(base, "marker.") }

func (fs markersLast) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if isMarker(fs.PathBase(name)) {
		if err := syncDir(fs.FS, fs.PathDir(name)); err != nil {
			return nil, err
		}
	}
	return fs.FS.Create(name, category)
}

func (fs markersLast) Remove(name string) error {
	if !isMarker(fs.PathBase(name)) {
		return fs.FS.Remove(name)
	}
	fs.replaced.add(name)
	return nil
}

func (fs markersLast) OpenDir(name string) (vfs.File, error) {
	d, err := fs.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return markedDir{d, fs}, nil
}

// Unwrap implements vfs.FS.
func (fs markersLast) Unwrap() vfs.FS { return fs.FS }

// A markedDir is a handle of the store's directory.
type markedDir struct {
	vfs.File
	fs markersLast
}

// Sync removes the markers that were replaced before it.
func (d markedDir) Sync() error {
	names := d.fs.replaced.take()
	if err := d.File.Sync(); err != nil {
		return err
	}
	for _, name := range names {
		_ = d.fs.FS.Remove(name) // harmless if it stays: the latest marker counts
	}
	return nil
}
