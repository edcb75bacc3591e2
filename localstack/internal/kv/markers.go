package kv

import (
	"strings"
	"sync"

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
// more, or would begin anew. So here the directory is synced before a marker is
// created, and an old one goes after Pebble's sync. One that is left Pebble
// removes when it opens the store.
type markersLast struct {
	vfs.FS
	replaced *replaced
}

// replaced are the markers that are to go with the next sync, by their paths.
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
		if err := syncDirs(fs.FS, []string{fs.PathDir(name)}); err != nil {
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

// A markedDir is the store's directory.
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
		_ = d.fs.FS.Remove(name) // one that stays says nothing: there is a later one
	}
	return nil
}
