package cli

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/internal/terminal"
)

// watchInterval is how often a watched list is read again.
const watchInterval = 2 * time.Second

// watchJobs keeps a list of jobs on the terminal up to date until it is interrupted.
// Piped, it prints the jobs, and each again when it changes.
func (a *app) watchJobs(ctx context.Context, c *api.Client, f jobsFlags) error {
	if !a.term.IsTTY() {
		return a.printChanges(ctx, c, f)
	}
	screen := a.term.OpenScreen()
	var last []api.Job
	err := func() error {
		for {
			if _, rows, ok := a.term.Size(); ok && rows > 2 {
				f.limit = min(f.limit, rows-2)
			}
			list, _, err := a.listJobs(ctx, c, f)
			if err != nil {
				return err
			}
			last = list.Jobs
			header, rows := a.jobTable(last)
			if err := screen.Draw(header, rows, optionalOfJobs...); err != nil {
				return err
			}
			if err := clock.Sleep(ctx, clock.Real(), watchInterval); err != nil {
				return err
			}
		}
	}()
	screen.Close()
	if errors.Is(err, terminal.ErrInterrupted) {
		header, rows := a.jobTable(last)
		return errors.Join(err, a.term.PrintTable(header, rows, optionalOfJobs...))
	}
	return err
}

func (a *app) printChanges(ctx context.Context, c *api.Client, f jobsFlags) error {
	printed := map[string][]string{}
	for {
		list, _, err := a.listJobs(ctx, c, f)
		if err != nil {
			return err
		}
		slices.Reverse(list.Jobs) // the newest is printed last
		for i := range list.Jobs {
			header, rows := a.jobTable(list.Jobs[i : i+1])
			state := []string{string(list.Jobs[i].Status), rows[0][2]}
			if slices.Equal(printed[list.Jobs[i].ID], state) {
				continue
			}
			printed[list.Jobs[i].ID] = state
			if err := a.term.PrintTable(header, rows); err != nil {
				return err
			}
		}
		if err := clock.Sleep(ctx, clock.Real(), watchInterval); err != nil {
			return err
		}
	}
}
