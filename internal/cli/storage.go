package cli

import (
	"context"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/control"
	"github.com/errandhq/errand/internal/source"
)

// withStorage serves admins what is stored.
func withStorage(svc *control.Service, prune func(context.Context, errand.Prune) (errand.Storage, error), next http.Handler) http.Handler {
	own := api.StorageHandler(svc, prune)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // a ServeMux would clean the paths of objects
		if r.URL.Path == api.StoragePath || r.URL.Path == api.PrunePath {
			own.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// prune is that of the service, and of the packs that the agents here keep.
func (s *localServer) prune(ctx context.Context, p errand.Prune) (errand.Storage, error) {
	out, err := s.service.Prune(ctx, p)
	if err != nil {
		return out, err
	}
	before, _ := errand.Before(s.service.Clock.Now(), p.PackDays) // or nothing is older
	out.Kinds = append(out.Kinds, prunePacks(filepath.Join(s.dataDir, "agents"), before, p.DryRun))
	before, _ = errand.Before(s.service.Clock.Now(), p.WorkspaceDays)
	workspaces, folders, err := s.pruneWorkspaces(before, p.DryRun)
	if err != nil {
		return out, err
	}
	out.Kinds = append(out.Kinds, workspaces, folders)
	if free, err := source.DiskSpace(s.dataDir); err == nil {
		out.FreeBytes = free
	}
	return out, nil
}

// pruneWorkspaces removes the workspaces that agents used last before a time, and counts the
// folders of their jobs.
func (s *localServer) pruneWorkspaces(before time.Time, dryRun bool) (workspaces, folders errand.StoredKind, err error) {
	dirs, _ := filepath.Glob(filepath.Join(s.dataDir, "agents", "*"))
	workspaces.Kind, folders.Kind = errand.StoredWorkspaces, errand.StoredJobFolders
	for _, dir := range dirs {
		k, err := agent.PruneWorkspaces(dir, before, dryRun)
		if err != nil {
			return workspaces, folders, err
		}
		workspaces.Add(k)
		folders.Add(agent.JobFolders(dir))
	}
	return workspaces, folders, nil
}

// prunePacks removes the packs that agents used last before a time. They may go at any
// moment.
func prunePacks(agents string, before time.Time, dryRun bool) errand.StoredKind {
	k := errand.StoredKind{Kind: errand.StoredPacks}
	dirs, _ := filepath.Glob(filepath.Join(agents, "*", packsDir))
	for _, dir := range dirs {
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() || strings.HasSuffix(path, ".part") { // one that is being fetched
				return nil //nolint:nilerr // what can't be listed is not there
			}
			info, err := d.Info()
			if err != nil {
				return nil //nolint:nilerr // it has just been removed
			}
			isOld := info.ModTime().Before(before)
			if isOld && !dryRun && os.Remove(path) != nil {
				isOld = false
			}
			k.Count(info.Size(), isOld)
			return nil
		})
	}
	return k
}

// packsDir is where an agent keeps packs, in its data directory.
var packsDir = filepath.Join("cache", "packs")

// A local server prunes by itself at its start and then at intervals, a bounded number of
// uploads each time. Logs and artifacts go by their age: see the bucket's lifecycle rules.
const (
	pruneInterval = 6 * time.Hour
	pruneUploads  = 20_000
)

// startPruning prunes now and then, until the returned function is called.
func (s *localServer) startPruning(agents int) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		s.dropCaches(agents)
		ticks := time.NewTicker(pruneInterval)
		defer ticks.Stop()
		for after := ""; ctx.Err() == nil; {
			after = s.pruneSome(ctx, after)
			select {
			case <-ctx.Done():
			case <-ticks.C:
			}
		}
	})
	return func() {
		cancel()
		running.Wait()
	}
}

// pruneSome returns where to go on the next time.
func (s *localServer) pruneSome(ctx context.Context, after string) string {
	k, next, err := s.service.PruneUploads(ctx, after, pruneUploads)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		s.log.Warn("could not remove uploads that nothing needs", "err", err)
	case k.RemovedItems > 0:
		s.log.Info("removed uploads that nothing needs", "uploads", k.RemovedItems, "bytes", k.RemovedBytes)
	}
	return next
}

// dropCaches removes the caches of agents that an earlier start had and this one doesn't.
func (s *localServer) dropCaches(agents int) {
	dirs, _ := os.ReadDir(filepath.Join(s.dataDir, "agents")) // only cleaning up
	for _, d := range dirs {
		n, err := strconv.Atoi(d.Name())
		if err != nil || n <= agents {
			continue
		}
		if has, err := agent.HasAttempts(s.agentDir(n)); err == nil && !has {
			_ = os.RemoveAll(filepath.Join(s.agentDir(n), "cache"))
			_, _ = agent.PruneWorkspaces(s.agentDir(n), s.service.Clock.Now(), false)
		}
	}
}
