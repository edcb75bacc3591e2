package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/fetch"
	"github.com/errandhq/errand/internal/terminal"
)

type pruneFlags struct {
	dryRun, json                 bool
	logs, artifacts              days
	workers, packs, folderCaches days
	workspaces                   days
}

// days is a flag's number of days, which may not be given.
type days struct{ n *int }

func (d *days) String() string {
	if d.n == nil {
		return ""
	}
	return strconv.Itoa(*d.n)
}

func (d *days) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > errand.MaxPruneDays {
		return fmt.Errorf("must be a number of days from 0 to %d", errand.MaxPruneDays)
	}
	d.n = &n
	return nil
}

func (d *days) Type() string { return "N" }

func daysOf(n int) days { return days{&n} }

func (a *app) pruneCommand() *cobra.Command {
	f := pruneFlags{workers: daysOf(1), packs: daysOf(7), folderCaches: daysOf(7), workspaces: daysOf(14)}
	cmd := &cobra.Command{
		Use: "prune", SuggestFor: []string{"gc", "clean", "cleanup", "purge"},
		Short: "Remove what nothing needs any more",
		Long: "Prune removes uploads that no new job can use and no pending or running job needs, forgets workers\n" +
			"that are gone, and removes what was not used for some days: packs and workspaces of errand local's\n" +
			"workers, of an agent on this machine its workspaces, and caches of folders here. It removes logs and artifacts only if a flag says so.\n\n" +
			"It requires an admin's token. errand local removes such uploads by itself. On AWS, the rules of the\n" +
			"bucket do it, and prune only removes caches of this machine.",
		Example: "  errand prune --dry-run\n  errand prune --log-days 30 --artifact-days 14",
		Args:    terminal.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.prune(cmd.Context(), f) },
	}
	terminal.AddFlags(cmd, "What to remove", func(fl *pflag.FlagSet) {
		fl.BoolVar(&f.dryRun, "dry-run", false, "only say what would be removed")
		fl.Var(&f.logs, "log-days", "remove logs of ended jobs that are older than `N` days")
		fl.Var(&f.artifacts, "artifact-days", "remove artifacts of ended jobs that are older than `N` days")
		fl.Var(&f.workers, "worker-days", "forget offline workers that were not seen for `N` days")
		fl.Var(&f.packs, "pack-days", "remove packs that the workers of errand local did not use for `N` days")
		fl.Var(&f.workspaces, "workspace-days", "remove workspaces that no job has used for `N` days, of errand local's workers and of an agent on this machine")
		fl.Var(&f.folderCaches, "cache-days", "remove caches of folders that were not sent for `N` days from this machine")
	})
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON: {\"dryRun\", \"kinds\": [{\"kind\", \"items\", \"bytes\", \"removedItems\", \"removedBytes\"}], \"workers\"}")
	a.addServerFlags(cmd)
	return cmd
}

func (a *app) prune(ctx context.Context, f pruneFlags) error {
	ctx, stop := terminal.NotifyInterrupt(ctx)
	defer stop()
	c, err := a.clientAs(adminTokenFile)
	if err != nil {
		return err
	}
	out, err := c.Prune(ctx, errand.Prune{DryRun: f.dryRun, LogDays: f.logs.n, ArtifactDays: f.artifacts.n, WorkerDays: f.workers.n, PackDays: f.packs.n, WorkspaceDays: f.workspaces.n})
	if isNotThere(err) {
		a.term.Notef("this server removes what is old by itself, by the rules of its bucket; only caches of this machine are removed")
		out, err = errand.Storage{DryRun: f.dryRun, Workers: []string{}}, nil
	}
	if err != nil {
		return terminal.InterruptOr(ctx, err)
	}
	own, err := a.folderCaches(f.folderCaches.n, f.dryRun)
	if err != nil {
		return err
	}
	out.Kinds = append(out.Kinds, own)
	if err := a.pruneOwnAgent(&out, f.workspaces.n, f.dryRun); err != nil {
		return err
	}
	if f.json {
		return a.term.PrintJSON(out)
	}
	return a.showPruned(&out)
}

// pruneOwnAgent removes the workspaces of this machine's agent, if there is one.
func (a *app) pruneOwnAgent(out *errand.Storage, unused *int, dryRun bool) error {
	dir, err := defaultAgentDir(a.getenv)
	if err != nil {
		return nil //nolint:nilerr // there is none
	}
	before, _ := errand.Before(a.term.Now(), unused)
	k, err := agent.PruneWorkspaces(dir, before, dryRun)
	if err != nil || k.Items == 0 {
		return err
	}
	i := slices.IndexFunc(out.Kinds, func(k errand.StoredKind) bool { return k.Kind == errand.StoredWorkspaces })
	if i < 0 {
		out.Kinds = append(out.Kinds, k)
	} else {
		out.Kinds[i].Add(k)
	}
	return nil
}

// isNotThere reports whether the server has no such route.
func isNotThere(err error) bool {
	var status *api.ResponseError
	return errors.As(err, &status) && status.Status == http.StatusNotFound
}

func (a *app) showPruned(s *errand.Storage) error {
	removed, frees := "REMOVED", "FREED"
	if s.DryRun {
		removed, frees = "WOULD REMOVE", "WOULD FREE"
	}
	var rows [][]string
	var freed int64
	for _, k := range s.Kinds {
		rows = append(rows, []string{
			k.Kind, strconv.Itoa(k.Items), terminal.FormatBytes(k.Bytes), strconv.Itoa(k.RemovedItems), terminal.FormatBytes(k.RemovedBytes),
			terminal.FormatBytes(k.Bytes - k.RemovedBytes),
		})
		freed += k.RemovedBytes
	}
	if err := a.term.PrintAligned([]string{"WHAT", "ITEMS", "SIZE", removed, frees, "LEFT"}, rows); err != nil {
		return err
	}
	for _, id := range s.Workers {
		if s.DryRun {
			a.term.Notef("would forget worker %s", terminal.FirstLine(id, 80))
		} else {
			a.term.Notef("forgot worker %s", terminal.FirstLine(id, 80))
		}
	}
	if s.DryRun {
		a.term.Notef("would free %s; nothing was removed", terminal.FormatBytes(freed))
		return nil
	}
	a.term.Notef("freed %s", terminal.FormatBytes(freed))
	return nil
}

// storedFolderCaches is what errand keeps of the folders that were sent from this machine.
const storedFolderCaches = "folder caches"

// folderCaches removes what was not used for so many days, and the records of what was
// fetched into folders that are gone.
func (a *app) folderCaches(unused *int, dryRun bool) (errand.StoredKind, error) {
	k := errand.StoredKind{Kind: storedFolderCaches}
	dir, err := cacheDir(a.getenv)
	if err != nil {
		return k, nil //nolint:nilerr // there are none
	}
	if !dryRun {
		fetch.RemoveLeft(dir)
	}
	before, _ := errand.Before(a.term.Now(), unused)
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return nil //nolint:nilerr // it has just been removed
		}
		isWaste := isUnused(path, info, before)
		if isWaste && !dryRun {
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		k.Count(info.Size(), isWaste)
		return nil
	})
	return k, err
}

// isUnused reports whether a file of the cache directory may go. A record of what was
// fetched is needed as long as its folder is there.
func isUnused(path string, info fs.FileInfo, before time.Time) bool {
	if filepath.Base(filepath.Dir(path)) == fetch.RecordsDir {
		return filepath.Ext(path) == ".json" && fetch.IsStale(path)
	}
	return info.ModTime().Before(before)
}
