package agent

import (
	"log/slog"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/attemptdir"
	"github.com/errandhq/errand/internal/clock"
)

// TestMakeRoomRemovesWorkspaces that no job has, when the disk is short, and no others.
func TestMakeRoomRemovesWorkspaces(t *testing.T) {
	t.Parallel()
	a := &Agent{Config: Config{DataDir: t.TempDir(), Log: slog.New(slog.DiscardHandler), Clock: clock.Real(), WorkspaceAge: time.Hour}}
	take := func(name string) attemptdir.Dir {
		t.Helper()
		k := attemptdir.WorkspaceKey{Owner: "ann", Queue: "default", Name: name}
		d, err := attemptdir.Create(a.DataDir, &errand.Assignment{JobID: name, Attempt: 1}, 0)
		if err == nil {
			err = d.TakeWorkspace(k)
		}
		if err != nil {
			t.Fatal(err)
		}
		w, err := d.OpenWorkspace(k, false, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		w.Close()
		return d
	}
	names := func() (all []string) {
		t.Helper()
		list, err := a.workspaces().List()
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range list {
			all = append(all, i.Name)
		}
		return all
	}
	left := take("left")
	take("used")
	id := left.Workspace()
	if err := left.LeaveWorkspace(time.Now()); err != nil {
		t.Fatal(err)
	}
	a.measureWorkspace(id)
	if n := a.cacheBytes(); n <= 0 {
		t.Errorf("the worker can make %d bytes free", n)
	}
	if a.makeRoom(1); len(names()) != 2 {
		t.Errorf("with room: left %q", names())
	}
	if a.makeRoom(1 << 60); len(names()) != 1 || names()[0] != "used" || a.cacheBytes() != 0 {
		t.Errorf("without room: left %q, %d bytes", names(), a.cacheBytes())
	}
}
