package attemptdir_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/attemptdir"
	"github.com/errandhq/errand/internal/manifest"
)

var annsApp = attemptdir.WorkspaceKey{Owner: "ann", Queue: "default", Name: "app"}

func take(t *testing.T, data, job string, k attemptdir.WorkspaceKey) attemptdir.Dir {
	t.Helper()
	d, err := attemptdir.Create(data, &errand.Assignment{JobID: job, Attempt: 1}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.TakeWorkspace(k); err != nil {
		t.Fatal(err)
	}
	return d
}

func openWorkspace(t *testing.T, d attemptdir.Dir, clean bool) *attemptdir.Workspace {
	t.Helper()
	w, err := d.OpenWorkspace(annsApp, clean, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

func save(t *testing.T, w *attemptdir.Workspace) {
	t.Helper()
	if err := w.Save(); err != nil {
		t.Fatal(err)
	}
}

func writeText(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// TestWorkspaceStaysForTheNextJob of the same owner, queue and name, and not for one that
// runs at the same time.
func TestWorkspaceStaysForTheNextJob(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	first := take(t, data, "A", annsApp)
	path := first.Work()
	w := openWorkspace(t, first, false)
	if w.WasKept || w.WasTorn || w.Copy != 1 {
		t.Errorf("the first is %+v", w)
	}
	w.Placed = map[string]manifest.Placed{"a": {Kind: manifest.File, Content: manifest.Hash{1}, Size: 3, Modified: 4, Changed: 5}}
	save(t, w)
	writeText(t, path, "made", "by A")
	second := take(t, data, "B", annsApp)
	if w := openWorkspace(t, second, false); w.WasKept || w.Copy != 2 || second.Work() == path {
		t.Errorf("at the same time: %+v in %s", w, second.Work())
	}
	for _, k := range []attemptdir.WorkspaceKey{{Owner: "bob", Queue: "default", Name: "app"}, {Owner: "ann", Queue: "other", Name: "app"}, {Owner: "ann", Queue: "default", Name: "other"}, {Owner: "ann", Queue: "defaulta", Name: "pp"}} {
		if d := take(t, data, "C-"+k.Owner+k.Queue+k.Name, k); d.Work() == path || d.Work() == second.Work() || filepath.Base(filepath.Dir(d.Work())) == "" {
			t.Errorf("%+v gets %s", k, d.Work())
		}
	}
	if err := first.LeaveWorkspace(time.Now()); err != nil {
		t.Fatal(err)
	}
	third := take(t, data, "D", annsApp)
	w3 := openWorkspace(t, third, false)
	if third.Work() != path || !w3.WasKept || w3.Placed["a"] != w.Placed["a"] || !exists(filepath.Join(path, "made")) {
		t.Errorf("the next: %+v in %s", w3, third.Work())
	}
	save(t, w3)
	if err := third.Remove(); err != nil { // as after a crash: it was not left
		t.Fatal(err)
	}
	if !exists(filepath.Join(path, "made")) {
		t.Fatal("the end of an attempt removed the workspace")
	}
	if w := openWorkspace(t, take(t, data, "E", annsApp), true); w.WasKept || w.WasTorn || exists(filepath.Join(path, "made")) {
		t.Errorf("after clean: %+v", w)
	}
}

// TestWorkspaceWhoseChangeWasInterrupted is empty for the next job.
func TestWorkspaceWhoseChangeWasInterrupted(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(t *testing.T, dir string){
		"killed": func(*testing.T, string) {},
		"a state in part": func(t *testing.T, dir string) {
			t.Helper()
			writeText(t, dir, "state", `{"a":{"k":102,`)
		},
		"a directory for the state": func(t *testing.T, dir string) {
			t.Helper()
			if err := os.MkdirAll(filepath.Join(dir, "state"), 0o700); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := t.TempDir()
			d := take(t, data, "A", annsApp)
			save(t, openWorkspace(t, d, false))
			writeText(t, d.Work(), "old", "x")
			w := openWorkspace(t, d, false)
			if !w.WasKept {
				t.Fatal("it was not kept")
			}
			if err := w.Begin(); err != nil { // and never saved
				t.Fatal(err)
			}
			path := d.Work()
			damage(t, filepath.Dir(path))
			if err := d.Remove(); err != nil {
				t.Fatal(err)
			}
			next := take(t, data, "B", annsApp)
			if w := openWorkspace(t, next, false); next.Work() != path || w.WasKept || !w.WasTorn || len(w.Placed) > 0 || exists(filepath.Join(path, "old")) {
				t.Errorf("got %+v in %s", w, next.Work())
			}
		})
	}
}

// TestWorkspaceThatAJobReplacedByALink is made anew, and what the link points to stays.
func TestWorkspaceThatAJobReplacedByALink(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no links without a privilege")
	}
	for _, what := range []string{"work", ".", "state", "about.json"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			data, outside := t.TempDir(), t.TempDir()
			writeText(t, outside, "mine", "x")
			writeText(t, outside, "state", "{}")
			d := take(t, data, "A", annsApp)
			save(t, openWorkspace(t, d, false))
			at, to := filepath.Join(filepath.Dir(d.Work()), what), outside
			if what == "state" || what == "about.json" {
				to = filepath.Join(outside, "state")
			}
			if err := os.RemoveAll(at); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(to, at); err != nil {
				t.Fatal(err)
			}
			w := openWorkspace(t, d, false)
			if _, err := w.Work.Lstat("mine"); err == nil {
				t.Error("the folder is the one that the link points to")
			}
			save(t, w)
			if b, err := os.ReadFile(filepath.Join(outside, "state")); string(b) != "{}" || !exists(filepath.Join(outside, "mine")) {
				t.Errorf("outside: %q, %v", b, err)
			}
		})
	}
}

// TestRemoveWorkspaces removes none that an attempt has.
func TestRemoveWorkspaces(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	all := attemptdir.Workspaces{Data: data}
	if list, err := all.List(); err != nil || len(list) > 0 {
		t.Fatalf("of no directory: %v, %v", list, err)
	}
	if removed, err := all.Remove(func(attemptdir.WorkspaceInfo) bool { return true }); err != nil || len(removed) > 0 {
		t.Fatalf("of no directory: %v, %v", removed, err)
	}
	used := take(t, data, "A", annsApp)
	save(t, openWorkspace(t, used, false))
	left := take(t, data, "B", annsApp)
	save(t, openWorkspace(t, left, false))
	writeText(t, left.Work(), "out", "12345")
	path := left.Work()
	if err := left.LeaveWorkspace(time.Now()); err != nil {
		t.Fatal(err)
	}
	id := filepath.Base(filepath.Dir(path))
	now := time.Now()
	if err := all.Measure(id, now.Add(-time.Hour), now, 1<<40); err != nil {
		t.Error(err)
	}
	list, err := all.List()
	if err != nil || len(list) != 2 || !list[0].InUse || list[1].InUse || list[1].Bytes < 5 || list[1].Bytes > 1000 || all.Size(id) < list[1].Bytes || list[1].WorkspaceKey != annsApp || time.Since(list[1].Used) > time.Hour {
		t.Fatalf("got %+v, %v", list, err)
	}
	removed, err := all.Remove(func(attemptdir.WorkspaceInfo) bool { return true })
	if err != nil || len(removed) != 1 || removed[0].ID != id || exists(path) || !exists(used.Work()) {
		t.Errorf("removed %+v, %v", removed, err)
	}
	if rest, err := os.ReadDir(filepath.Join(data, "workspaces")); err != nil || len(rest) != 2 { // and the lock
		t.Errorf("left: %v, %v", rest, err)
	}
}

// TestMeasureOnlyWhatMayHaveChanged: a workspace is measured again when the disk has lost or
// gained room, or after a time.
func TestMeasureOnlyWhatMayHaveChanged(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	all := attemptdir.Workspaces{Data: data}
	d := take(t, data, "A", annsApp)
	save(t, openWorkspace(t, d, false))
	id := d.Workspace()
	now, free := time.Now(), int64(1<<40)
	var last int64
	for i, step := range []struct {
		after      time.Duration
		used       int64 // of the disk
		isMeasured bool
	}{{0, 0, true}, {time.Minute, 0, false}, {time.Minute, 60 << 20, false}, {time.Minute, 60 << 20, true}, {time.Minute, -200 << 20, true}, {59 * time.Minute, 0, false}, {time.Minute, 0, true}} {
		writeText(t, d.Work(), "out"+string(rune('0'+i)), "12345")
		now, free = now.Add(step.after), free-step.used
		if err := all.Measure(id, now.Add(-time.Hour), now, free); err != nil {
			t.Fatal(err)
		}
		list, err := all.List()
		if err != nil || len(list) != 1 {
			t.Fatalf("%+v, %v", list, err)
		}
		if (list[0].Bytes != last) != step.isMeasured {
			t.Errorf("step %d: %d bytes, after %d", i, list[0].Bytes, last)
		}
		last = list[0].Bytes
	}
}
