package agent

import (
	"fmt"
	"slices"
	"time"

	"github.com/errandhq/errand/agent/internal/attemptdir"
	"github.com/errandhq/errand/internal/source"
)

// DefaultWorkspaceAge is the default of Config.WorkspaceAge.
const DefaultWorkspaceAge = 14 * 24 * time.Hour

func (t *attempt) workspaceKey() attemptdir.WorkspaceKey {
	return attemptdir.WorkspaceKey{Owner: t.Owner, Queue: t.Queue, Name: t.Workspace.Name}
}

// openWorkspace gives the job the folder that earlier jobs with the workspace have left.
func (t *attempt) openWorkspace() error {
	k := t.workspaceKey()
	if err := t.dir.TakeWorkspace(k); err != nil {
		return err
	}
	w, err := t.dir.OpenWorkspace(k, t.Workspace.Clean, t.agent.Clock.Now())
	if err != nil {
		return err
	}
	t.workspace = w
	name := "workspace " + k.Name
	if w.Copy > 1 {
		name = fmt.Sprintf("%s, copy %d", name, w.Copy)
	}
	switch {
	case w.WasKept:
		t.note("%s: kept from an earlier job", name)
	case w.WasTorn:
		t.note("%s: empty, as its last update was interrupted", name)
	default:
		t.note("%s: new", name)
	}
	return nil
}

// closeWorkspace saves the workspace if the folder in it is whole.
func (t *attempt) closeWorkspace(ok bool) (err error) {
	w := t.workspace
	if w == nil {
		return nil
	}
	if t.workspace = nil; ok {
		err = w.Save()
	}
	w.Close()
	return err
}

// keptFolder is the workspace for the job's source; nil if there is none.
func (t *attempt) keptFolder() *source.Kept {
	if t.workspace == nil {
		return nil
	}
	return &source.Kept{Root: t.workspace.Work, Placed: t.workspace.Placed, Begin: t.workspace.Begin}
}

// leaveWorkspace lets the next job have the workspace.
func (t *attempt) leaveWorkspace() {
	t.usedWorkspace = t.dir.Workspace()
	if err := t.dir.LeaveWorkspace(t.agent.Clock.Now()); err != nil {
		t.agent.Log.Warn("the workspace is not free until the attempt's directory is removed", "job", t.JobID, "err", err)
	}
}

func (a *Agent) workspaces() attemptdir.Workspaces { return attemptdir.Workspaces{Data: a.DataDir} }

// measureAgain is when a workspace is measured again though the disk has as much room as
// before: the job may have replaced what others have removed.
const measureAgain = time.Hour

// measureWorkspace notes how large the workspace of a job that has ended is, if that may have
// changed much, and removes those that no job has used for long.
func (a *Agent) measureWorkspace(id string) {
	if id == "" {
		return
	}
	now := a.Clock.Now()
	a.measure(id, now.Add(-measureAgain), now)
	a.removeOldWorkspaces()
}

func (a *Agent) measure(id string, since, now time.Time) {
	free, err := source.DiskSpace(a.DataDir)
	if err != nil { // where the system doesn't say, it is measured each time
		since = now
	}
	if err := a.workspaces().Measure(id, since, now, free); err != nil {
		a.Log.Warn("could not note the size of a workspace", "err", err)
	}
}

// removeOldWorkspaces removes the workspaces that no job has used for WorkspaceAge.
func (a *Agent) removeOldWorkspaces() {
	before := a.Clock.Now().Add(-a.WorkspaceAge)
	a.removeWorkspaces("no job has used it for long", func(i attemptdir.WorkspaceInfo) bool { return i.Used.Before(before) })
}

func (a *Agent) removeWorkspaces(why string, which func(attemptdir.WorkspaceInfo) bool) {
	removed, err := a.workspaces().Remove(which)
	for _, i := range removed {
		a.Log.Info("removed a workspace", "owner", i.Owner, "queue", i.Queue, "name", i.Name, "why", why)
	}
	if err != nil {
		a.Log.Warn("could not remove workspaces", "err", err)
	}
	a.countWorkspaces()
}

// countWorkspaces notes how many bytes of the disk workspaces take that could be removed.
func (a *Agent) countWorkspaces() {
	all, err := a.workspaces().List()
	if err != nil {
		a.Log.Warn("could not list the workspaces", "err", err)
		return
	}
	var n int64
	for _, i := range all {
		if !i.InUse {
			n += i.Bytes
		}
	}
	a.disk.workspaces.Store(n)
}

// makeRoom makes n bytes of the disk free, if it can: first packs go, then workspaces,
// those first that were not used for longest.
func (a *Agent) makeRoom(n int64) {
	if a.packs != nil {
		a.packs.MakeRoom(n)
	}
	free, err := source.DiskSpace(a.DataDir)
	if err != nil || free >= n {
		return
	}
	all, err := a.workspaces().List()
	if err != nil {
		return
	}
	slices.SortFunc(all, func(x, y attemptdir.WorkspaceInfo) int { return x.Used.Compare(y.Used) })
	var chosen []string
	for _, i := range all {
		if free < n && !i.InUse {
			chosen, free = append(chosen, i.ID), free+a.workspaces().Size(i.ID) // it may have been measured long ago
		}
	}
	if len(chosen) > 0 {
		a.removeWorkspaces("the disk is short", func(i attemptdir.WorkspaceInfo) bool { return slices.Contains(chosen, i.ID) })
	}
}
