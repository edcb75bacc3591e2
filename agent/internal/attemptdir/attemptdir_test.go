package attemptdir_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/attemptdir"
	"github.com/errandhq/errand/agent/internal/spool"
)

func create(t *testing.T) attemptdir.Dir {
	t.Helper()
	d, err := attemptdir.Create(t.TempDir(), &errand.Assignment{JobID: "JOB", Attempt: 2}, 3)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestProgress(t *testing.T) {
	t.Parallel()
	d := create(t)
	if got := d.Progress(); got != (attemptdir.Progress{}) {
		t.Errorf("at first: %+v", got)
	}
	for _, want := range []attemptdir.Progress{
		{Trying: spool.Pos{File: 1 << 40, Log: 1<<40 - 1}},
		{Sent: spool.Pos{File: 12, Log: 3}, Trying: spool.Pos{File: 12, Log: 3}},
	} {
		if err := d.WriteProgress(want); err != nil || d.Progress() != want {
			t.Errorf("wrote %+v, read %+v, %v", want, d.Progress(), err)
		}
	}
	if j, err := d.Job(); err != nil || j.JobID != "JOB" || j.Attempt != 2 || j.Slot != 3 {
		t.Errorf("job %+v, %v", j, err)
	}
}

// A job makes its directories read-only: they go all the same.
func TestRemoveReadOnly(t *testing.T) {
	t.Parallel()
	d := create(t)
	deep := filepath.Join(d.Work(), "a", "b")
	if err := os.MkdirAll(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{deep, filepath.Dir(deep)} {
		if err := os.Chmod(dir, 0o500); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(string(d)); err == nil {
		t.Error("it is still there")
	}
}

// A job replaces its directory, or one in it, by a symbolic link: the link goes, what
// it points to stays.
func TestRemoveFollowsNoLink(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("symbolic links need a privilege on Windows")
	}
	for _, name := range []string{"", "work", "tmp", "log"} {
		d := create(t)
		precious := t.TempDir()
		file := filepath.Join(precious, "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		link := filepath.Join(string(d), name)
		if err := os.RemoveAll(link); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(precious, link); err != nil {
			t.Fatal(err)
		}
		if err := d.Remove(); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if _, err := os.Lstat(string(d)); err == nil {
			t.Errorf("%q: the attempt's directory is still there", name)
		}
		if _, err := os.Stat(file); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestCreateAgain: the directory of an attempt that has not begun is never without its
// job, so it is not made anew. One that has begun is.
func TestCreateAgain(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("skipped: on Windows, a directory that is open can't be removed, and one that isn't may get the number of another")
	}
	data := t.TempDir()
	a := &errand.Assignment{JobID: "J", Attempt: 1}
	identity := func() os.FileInfo {
		d, err := attemptdir.Create(data, a, 0)
		if err != nil {
			t.Fatal(err)
		}
		if job, err := d.Job(); err != nil || job.JobID != "J" {
			t.Fatalf("the job is %+v, %v", job, err)
		}
		if entries, err := os.ReadDir(d.Work()); err != nil || len(entries) > 0 {
			t.Errorf("the work folder has %v, %v", entries, err)
		}
		if err := os.WriteFile(filepath.Join(d.Work(), "half"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(string(d)) // while it is open, no other directory gets its number
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	first := identity()
	for _, name := range []string{"stages", "sent"} { // of a log that may be uploaded
		if err := os.WriteFile(filepath.Join(data, "attempts", "J-1", name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if again := identity(); !os.SameFile(first, again) {
		t.Error("the directory of an attempt that has not begun was made anew")
	}
	for _, name := range []string{"stages", "sent"} {
		if _, err := os.Stat(filepath.Join(data, "attempts", "J-1", name)); err != nil {
			t.Errorf("its log is gone: %v", err)
		}
	}
	if err := os.WriteFile(filepath.Join(data, "attempts", "J-1", "log"), []byte("begun"), 0o600); err != nil {
		t.Fatal(err)
	}
	identity()
	if _, err := os.Stat(filepath.Join(data, "attempts", "J-1", "log")); err == nil {
		t.Error("the log of the earlier run is still there")
	}
}

// TestNoDirectory: an attempt that got no directory removes and writes nothing. The base
// of an empty path would be the process's own directory.
func TestNoDirectory(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.WriteFile("mine", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var none attemptdir.Dir
	if err := none.Remove(); err != nil {
		t.Error(err)
	}
	if err := none.WriteOutcome(&attemptdir.Outcome{}); err == nil {
		t.Error("an outcome was written without a directory")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 || entries[0].Name() != "mine" {
		t.Errorf("the process's directory has %v, %v", entries, err)
	}
}
