//go:build unix

package attemptdir_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/attemptdir"
)

// TestSpares: the next attempt of a slot gets the directories that one left, moved to paths
// of its own, if they are empty and as they were made.
func TestSpares(t *testing.T) {
	t.Parallel()
	nothing := func(string) error { return nil }
	for name, tt := range map[string]struct {
		leave  func(dir string) error // what the commands leave
		since  func(spare string) error
		reused bool
	}{
		"empty":              {nothing, nothing, true},
		"a file":             {func(dir string) error { return os.WriteFile(filepath.Join(dir, ".x"), nil, 0o600) }, nothing, false},
		"a mode":             {func(dir string) error { return os.Chmod(dir, 0o777) }, nothing, false},
		"removed":            {os.Remove, nothing, false},
		"a file comes later": {nothing, func(spare string) error { return os.WriteFile(filepath.Join(spare, "x"), nil, 0o600) }, false},
		"a link comes later": {nothing, func(spare string) error { return errors.Join(os.Remove(spare), os.Symlink("/", spare)) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, temps := t.TempDir(), t.TempDir()
			slot := filepath.Join(data, "slots", "4")
			if err := os.MkdirAll(slot, 0o700); err != nil {
				t.Fatal(err)
			}
			first, temp, work := prepare(t, data, temps, "A")
			before := []fs.FileInfo{lstat(t, temp), lstat(t, work)}
			for _, dir := range []string{temp, work} {
				if err := tt.leave(dir); err != nil {
					t.Fatal(err)
				}
			}
			if err := errors.Join(first.LeaveTemp(4), first.LeaveWork(4)); err != nil {
				t.Fatal(err)
			}
			for i, dir := range []string{temp, work} {
				if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s is still there: %v", dir, err)
				}
				spare := filepath.Join(slot, []string{"tmp", "work"}[i])
				if err := tt.since(spare); err != nil {
					t.Fatal(err)
				}
			}
			second, temp2, work2 := prepare(t, data, temps, "B")
			if temp2 == temp || work2 != work {
				t.Errorf("TMPDIR %s and the folder %s are now %s and %s", temp, work, temp2, work2)
			}
			for i, dir := range []string{temp2, work2} {
				if same := os.SameFile(before[i], lstat(t, dir)); tt.reused && !same {
					t.Errorf("%s is another directory", dir)
				}
				if lstat(t, dir).Mode() != before[i].Mode() {
					t.Errorf("%s has mode %v, want %v", dir, lstat(t, dir).Mode(), before[i].Mode())
				}
				if list, err := os.ReadDir(dir); err != nil || len(list) > 0 {
					t.Errorf("%s has %v, %v", dir, list, err)
				}
			}
			if err := errors.Join(first.Remove(), second.Remove()); err != nil {
				t.Error(err)
			}
		})
	}
}

// prepare makes the directories of an attempt in slot 4.
func prepare(t *testing.T, data, temps, job string) (d attemptdir.Dir, temp, work string) {
	t.Helper()
	d, err := attemptdir.Create(data, &errand.Assignment{JobID: job, Attempt: 1}, 4)
	if err != nil {
		t.Fatal(err)
	}
	if temp, err = d.CreateTemp(temps, 4); err != nil {
		t.Fatal(err)
	}
	if err := d.PlaceWork(attemptdir.WorkName(4, "x")); err != nil {
		t.Fatal(err)
	}
	return d, temp, d.Work()
}

func lstat(t *testing.T, path string) fs.FileInfo {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}
