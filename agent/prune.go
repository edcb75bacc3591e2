package agent

import (
	"io/fs"
	"path/filepath"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/attemptdir"
)

// PruneWorkspaces removes the workspaces of an agent's data directory that no job uses, and
// none has used since a time. The agent may run.
func PruneWorkspaces(dataDir string, before time.Time, dryRun bool) (errand.StoredKind, error) {
	k := errand.StoredKind{Kind: errand.StoredWorkspaces}
	w := attemptdir.Workspaces{Data: dataDir}
	all, err := w.List()
	if err != nil {
		return k, err
	}
	sizes := map[string]int64{}
	for _, i := range all {
		sizes[i.ID] = w.Size(i.ID)
		k.Count(sizes[i.ID], false)
	}
	remove := func(i attemptdir.WorkspaceInfo) bool {
		isOld := !i.InUse && i.Used.Before(before)
		if isOld {
			k.RemovedItems++
			k.RemovedBytes += sizes[i.ID]
		}
		return isOld && !dryRun
	}
	if dryRun {
		for _, i := range all {
			remove(i)
		}
		return k, nil
	}
	_, err = w.Remove(remove)
	return k, err
}

// JobFolders counts the folders of an agent's jobs that run, or whose results it has still
// to report, with what it has yet to send of them.
func JobFolders(dataDir string) errand.StoredKind {
	k := errand.StoredKind{Kind: errand.StoredJobFolders}
	for _, dir := range []string{"attempts", "work"} {
		_ = filepath.WalkDir(filepath.Join(dataDir, dir), func(_ string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return nil //nolint:nilerr // it has just been removed
			}
			if info, err := d.Info(); err == nil {
				k.Count(info.Size(), false)
			}
			return nil
		})
	}
	return k
}
