package durable

import (
	"io/fs"
	"os"
	"path/filepath"
)

// OS is the machine's file system.
var OS FS = osFS{}

type osFS struct{}

func (osFS) ReadFile(name string) ([]byte, error) { return os.ReadFile(name) }
func (osFS) Rename(from, to string) error         { return os.Rename(from, to) }
func (osFS) Remove(name string) error             { return os.Remove(name) }
func (osFS) PathDir(path string) string           { return filepath.Dir(path) }
func (osFS) PathJoin(elem ...string) string       { return filepath.Join(elem...) }
func (osFS) SyncDir(dir string) error             { return SyncDir(dir) }

func (osFS) Create(name string, perm fs.FileMode) (File, error) {
	return os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, perm)
}
