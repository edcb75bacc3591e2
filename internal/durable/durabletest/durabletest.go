// Package durabletest cuts the power in the middle of file writes.
package durabletest

import (
	"fmt"
	"io"
	"io/fs"
	"path"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/internal/durable"
)

// CutPower runs write on a file system in memory and cuts the power before each
// of its steps (create, write, sync, rename, sync of a directory) and after the
// last. For each cut, check sees what a disk would hold that keeps nothing that
// was not synced. done reports whether write had returned by then.
//
// prepare, which may be nil, writes what the disk holds before; it survives.
func CutPower(t *testing.T, dir string, prepare, write func(durable.FS) error, check func(t *testing.T, fsys durable.FS, done bool)) {
	t.Helper()
	mem := vfs.NewCrashableMem()
	for path := dir; ; path = mem.PathDir(path) {
		if err := mem.MkdirAll(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := (files{FS: mem}).SyncDir(path); err != nil {
			t.Fatal(err)
		}
		if path == mem.PathDir(path) {
			break
		}
	}
	if prepare != nil {
		if err := prepare(files{FS: mem}); err != nil {
			t.Fatal(err)
		}
	}
	var cuts []cut
	before := func(step string) {
		cuts = append(cuts, cut{"before " + step, mem.CrashClone(vfs.CrashCloneCfg{})})
	}
	if err := write(files{mem, before}); err != nil {
		t.Fatal(err)
	}
	before("nothing more")
	if len(cuts) < 2 {
		t.Fatal("write never used its file system")
	}
	for i, c := range cuts {
		t.Run(fmt.Sprintf("%02d %s", i, c.when), func(t *testing.T) {
			check(t, files{FS: c.disk}, i == len(cuts)-1)
		})
	}
}

type cut struct {
	when string
	disk *vfs.MemFS
}

// files is a MemFS as a durable.FS that announces each step.
type files struct {
	FS     *vfs.MemFS
	before func(step string) // nil: nobody is told
}

func (f files) step(format string, args ...any) {
	if f.before != nil {
		f.before(fmt.Sprintf(format, args...))
	}
}

func (f files) PathDir(path string) string { return f.FS.PathDir(path) }

func (f files) PathJoin(elem ...string) string { return f.FS.PathJoin(elem...) }

func (f files) ReadFile(name string) ([]byte, error) {
	file, err := f.FS.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(file)
}

func (f files) Create(name string, _ fs.FileMode) (durable.File, error) {
	f.step("create %s", path.Base(name))
	file, err := f.FS.Create(name, vfs.WriteCategoryUnspecified)
	return steppedFile{file, f}, err
}

func (f files) Rename(from, to string) error {
	f.step("rename to %s", path.Base(to))
	return f.FS.Rename(from, to)
}

func (f files) Remove(name string) error {
	f.step("remove %s", path.Base(name))
	return f.FS.Remove(name)
}

func (f files) SyncDir(dir string) error {
	f.step("sync the directory")
	d, err := f.FS.OpenDir(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

type steppedFile struct {
	vfs.File
	files files
}

func (f steppedFile) Write(p []byte) (int, error) {
	f.files.step("write")
	return f.File.Write(p)
}

func (f steppedFile) Sync() error {
	f.files.step("sync the file")
	return f.File.Sync()
}
