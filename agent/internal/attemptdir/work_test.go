package attemptdir_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/attemptdir"
)

// TestWorkHasTheSamePath for jobs that follow each other, and not for two at once.
func TestWorkHasTheSamePath(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	name := attemptdir.WorkName(3, "ann", "default", "app.zip")
	if name == attemptdir.WorkName(3, "ann", "defaultapp", ".zip") || name == attemptdir.WorkName(4, "ann", "default", "app.zip") {
		t.Error("two projects or slots have one path")
	}
	want := filepath.Join(data, "work", name)
	place := func(job string) attemptdir.Dir {
		t.Helper()
		d, err := attemptdir.Create(data, &errand.Assignment{JobID: job, Attempt: 1}, 3)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.PlaceWork(name); err != nil {
			t.Fatal(err)
		}
		if list, err := os.ReadDir(d.Work()); err != nil || len(list) > 0 {
			t.Fatalf("the folder of %s has %v, %v", job, list, err)
		}
		return d
	}
	first := place("A")
	if first.Work() != want {
		t.Errorf("the path is %s, want %s", first.Work(), want)
	}
	write := func(d attemptdir.Dir) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(d.Work(), "out"), []byte(d), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(first)
	second := place("B")
	if second.Work() != filepath.Join(string(second), "work") {
		t.Errorf("while the first runs, the path of the second is %s", second.Work())
	}
	if err := first.TakeBackWork(); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(first.Work(), "out")); err != nil || string(b) != string(first) {
		t.Errorf("the first lost its folder: %q, %v", b, err)
	}
	third := place("C")
	if third.Work() != want {
		t.Errorf("the path of the third is %s", third.Work())
	}
	write(third)
	for _, d := range []attemptdir.Dir{first, second} {
		if err := d.Remove(); err != nil {
			t.Error(err)
		}
	}
	if b, err := os.ReadFile(filepath.Join(want, "out")); err != nil || string(b) != string(third) {
		t.Errorf("the folder of the third was removed with another: %q, %v", b, err)
	}
	if err := attemptdir.RemoveUnusedWork(data); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(want); err != nil {
		t.Error("a folder that is used was removed")
	}
	again := place("C") // of an agent that was restarted before the commands began
	if again.Work() != want {
		t.Errorf("made anew, the path is %s", again.Work())
	}
	if err := again.Remove(); err != nil {
		t.Error(err)
	}
	if list, err := os.ReadDir(filepath.Join(data, "work")); err != nil || len(list) > 0 {
		t.Errorf("left: %v, %v", list, err)
	}
}

// TestUnusedWork: what a process left that was killed is removed, and a record that a job
// has rewritten leads nowhere.
func TestUnusedWork(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	left := filepath.Join(data, "work", attemptdir.WorkName(0, "x"))
	if err := os.MkdirAll(filepath.Join(left, "deep"), 0o700); err != nil {
		t.Fatal(err)
	}
	d, err := attemptdir.Create(data, &errand.Assignment{JobID: "A", Attempt: 1}, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../../precious", "", "0-x", "/etc"} {
		writePlaces(t, d, fmt.Sprintf(`{"work":%q}`, name))
		if got := d.Work(); got != filepath.Join(string(d), "work") {
			t.Errorf("%q: the folder is %s", name, got)
		}
	}
	if err := attemptdir.RemoveUnusedWork(data); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(left); err == nil {
		t.Error("what nobody uses is still there")
	}
}

// writePlaces writes the places of an attempt as a job may do it.
func writePlaces(t *testing.T, d attemptdir.Dir, text string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(string(d), "job.json"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString(text + strings.Repeat(" ", 200))
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestWhatIsEmptyGoesAtOnce: a folder that the commands left empty is removed, and its path
// is free for the next attempt. One with files is kept until the attempt's directory goes.
func TestWhatIsEmptyGoesAtOnce(t *testing.T) {
	t.Parallel()
	for _, full := range []bool{false, true} {
		data, temps := t.TempDir(), t.TempDir()
		d, err := attemptdir.Create(data, &errand.Assignment{JobID: "A", Attempt: 1}, 0)
		if err != nil {
			t.Fatal(err)
		}
		temp, err := d.CreateTemp(temps, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.PlaceWork(attemptdir.WorkName(0, "x")); err != nil {
			t.Fatal(err)
		}
		placed := d.Work()
		if full {
			for _, dir := range []string{temp, placed} {
				if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := errors.Join(d.RemoveTemp(), d.TakeBackWork()); err != nil {
			t.Error(err)
		}
		for _, dir := range []string{temp, placed} {
			if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("full: %v: %s is still there: %v", full, dir, err)
			}
		}
		if _, err := os.Lstat(filepath.Join(d.Work(), "file")); (err == nil) != full {
			t.Errorf("full: %v: the folder's file: %v", full, err)
		}
		if err := errors.Join(os.Mkdir(temp, 0o700), d.Remove()); err != nil { // another's, of the same name
			t.Error(err)
		}
		if _, err := os.Lstat(temp); err != nil {
			t.Errorf("full: %v: what another made at the path since was removed: %v", full, err)
		}
	}
}

// TestPlacesAreDamaged: by a power cut, or by the job. Nothing is removed then, and what the
// job is stays known.
func TestPlacesAreDamaged(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`{"tmpdir":"/tm`, "\x00\x00", `{"work":3}`} {
		data, temps := t.TempDir(), t.TempDir()
		d, err := attemptdir.Create(data, &errand.Assignment{JobID: "A", Attempt: 1}, 2)
		if err != nil {
			t.Fatal(err)
		}
		temp, err := d.CreateTemp(temps, 0)
		if err != nil {
			t.Fatal(err)
		}
		writePlaces(t, d, text)
		if j, err := d.Job(); err != nil || j.JobID != "A" || j.Slot != 2 {
			t.Errorf("%q: the job is %+v, %v", text, j, err)
		}
		if err := errors.Join(d.TakeBackWork(), d.Remove()); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if _, err := os.Lstat(temp); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestPlaceIsTooLong: a TMPDIR whose path doesn't fit is not made.
func TestPlaceIsTooLong(t *testing.T) {
	t.Parallel()
	d := create(t)
	parent := string(filepath.Separator) + strings.Repeat("long"+string(filepath.Separator), 300)
	if _, err := d.CreateTemp(parent, 0); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("got %v", err)
	}
	if j, err := d.Job(); err != nil || j.JobID != "JOB" {
		t.Errorf("the job is %+v, %v", j, err)
	}
}

// TestKilledWhileItPlacesWork: between the move of the folder and the note of that.
func TestKilledWhileItPlacesWork(t *testing.T) {
	t.Parallel()
	data, name := t.TempDir(), attemptdir.WorkName(0, "x")
	a := &errand.Assignment{JobID: "A", Attempt: 1}
	d, err := attemptdir.Create(data, a, 0)
	if err != nil {
		t.Fatal(err)
	}
	placed := filepath.Join(data, "work", name)
	if err := errors.Join(os.Mkdir(filepath.Dir(placed), 0o700), os.Rename(d.Work(), placed)); err != nil {
		t.Fatal(err)
	}
	if err := attemptdir.RemoveUnusedWork(data); err != nil {
		t.Error(err)
	}
	if d, err = attemptdir.Create(data, a, 0); err != nil {
		t.Fatal(err)
	}
	if err := d.PlaceWork(name); err != nil || d.Work() != placed {
		t.Errorf("the folder is %s, %v", d.Work(), err)
	}
}
