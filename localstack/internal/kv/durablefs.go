package kv

import (
	"errors"
	"io"
	"io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/internal/durable"
)

// DurableFS returns fsys as package durable uses it; nil is the machine's. Only
// files of the machine get the mode asked for: a vfs.FS has none.
func DurableFS(fsys vfs.FS) durable.FS {
	if fsys == nil || fsys == vfs.Default {
		return durable.OS
	}
	return durableFS{fsys}
}

type durableFS struct{ fs vfs.FS }

func (d durableFS) Rename(from, to string) error { return d.fs.Rename(from, to) }
func (d durableFS) Remove(name string) error     { return d.fs.Remove(name) }
func (d durableFS) PathDir(path string) string   { return d.fs.PathDir(path) }
func (d durableFS) PathJoin(e ...string) string  { return d.fs.PathJoin(e...) }
func (d durableFS) SyncDir(name string) error    { return syncDir(d.fs, name) }

func (d durableFS) Create(name string, _ fs.FileMode) (durable.File, error) {
	return d.fs.Create(name, vfs.WriteCategoryUnspecified)
}

func (d durableFS) ReadFile(name string) ([]byte, error) {
	f, err := d.fs.Open(name)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(f)
	return b, errors.Join(err, f.Close())
}
