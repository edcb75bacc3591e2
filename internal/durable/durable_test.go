package durable_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/errandhq/errand/internal/durable"
	"github.com/errandhq/errand/internal/durable/durabletest"
)

func TestWriteFileSurvivesPowerCuts(t *testing.T) {
	const path = "/data/file"
	write := func(content string) func(durable.FS) error {
		return func(fsys durable.FS) error { return durable.WriteFile(fsys, path, []byte(content), 0o600) }
	}
	durabletest.CutPower(t, "/data", write("old"), write("new"), func(t *testing.T, fsys durable.FS, done bool) {
		b, err := fsys.ReadFile(path)
		if err != nil || string(b) != "old" && string(b) != "new" {
			t.Errorf("the file holds %q, %v", b, err)
		}
		if done && string(b) != "new" {
			t.Errorf("a write that was acknowledged is gone: %q", b)
		}
	})
	durabletest.CutPower(t, "/data", nil, write("first"), func(t *testing.T, fsys durable.FS, done bool) {
		b, err := fsys.ReadFile(path)
		if absent := errors.Is(err, fs.ErrNotExist); done && absent || !absent && string(b) != "first" {
			t.Errorf("the file holds %q, %v", b, err)
		}
	})
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, content := range []string{"one", "two"} {
		if err := durable.WriteFile(durable.OS, path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != content {
			t.Errorf("the file holds %q, %v", b, err)
		}
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 1 {
		t.Errorf("left behind: %v, %v", names, err)
	}
}

// failing fails one kind of step.
type failing struct {
	durable.FS
	step string
}

var errDisk = errors.New("the disk failed")

func (f failing) Create(name string, perm fs.FileMode) (durable.File, error) {
	file, err := f.FS.Create(name, perm)
	return failingFile{file, f.step}, err
}

func (f failing) Rename(from, to string) error {
	if f.step == "rename" {
		return errDisk
	}
	return f.FS.Rename(from, to)
}

func (f failing) SyncDir(dir string) error {
	if f.step == "sync dir" {
		return errDisk
	}
	return f.FS.SyncDir(dir)
}

type failingFile struct {
	durable.File
	step string
}

func (f failingFile) Write(p []byte) (int, error) {
	if f.step == "write" {
		return 0, errDisk
	}
	return f.File.Write(p)
}

func (f failingFile) Sync() error {
	if f.step == "sync" {
		return errDisk
	}
	return f.File.Sync()
}

func TestFailedWriteLeavesNoTemporaryFile(t *testing.T) {
	for _, step := range []string{"write", "sync", "rename", "sync dir"} {
		dir := t.TempDir()
		path := filepath.Join(dir, "file")
		if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := durable.WriteFile(failing{durable.OS, step}, path, []byte("new"), 0o600); !errors.Is(err, errDisk) {
			t.Errorf("%s: %v", step, err)
		}
		b, err := os.ReadFile(path)
		if err != nil || step != "sync dir" && string(b) != "old" {
			t.Errorf("%s: the file holds %q, %v", step, b, err)
		}
		if names, err := os.ReadDir(dir); err != nil || len(names) != 1 {
			t.Errorf("%s: left behind %v, %v", step, names, err)
		}
	}
}

func TestJSON(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file.json")
	if err := durable.WriteJSON(durable.OS, path, map[string]int{"n": 1}); err != nil {
		t.Fatal(err)
	}
	var got map[string]int
	if err := durable.ReadJSON(durable.OS, path, &got); err != nil || got["n"] != 1 {
		t.Errorf("read %v, %v", got, err)
	}
	if err := durable.ReadJSON(durable.OS, path+"2", &got); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}
