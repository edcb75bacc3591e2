package cli

import (
	"context"
	"errors"
	"fmt"
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
	most := f.limit
	err := a.eachList(ctx, c, func() jobsFlags {
		if _, rows, ok := a.term.Size(); ok && rows > 2 {
			f.limit = min(most, rows-2)
		}
		return f
	}, func(jobs []api.Job, fault error) error {
		if fault == nil {
			last = jobs
		}
		header, rows := a.jobTable(last)
		return screen.Draw(noAnswer(fault), header, rows, optionalOfJobs...)
	})
	screen.Close()
	if errors.Is(err, terminal.ErrInterrupted) {
		header, rows := a.jobTable(last)
		return errors.Join(err, a.term.PrintTable(header, rows, optionalOfJobs...))
	}
	return err
}

// eachList reads a list of jobs again and again, and shows it. Once it was read, a temporary
// fault is shown, and doesn't end it.
func (a *app) eachList(ctx context.Context, c *api.Client, flags func() jobsFlags, show func(jobs []api.Job, fault error) error) error {
	for wasRead := false; ; {
		list, _, err := a.listJobs(ctx, c, flags())
		if _, again := api.Temporary(err); err != nil && (!wasRead || !again || ctx.Err() != nil) {
			return err
		}
		wasRead = true
		if err := show(list.Jobs, err); err != nil {
			return err
		}
		if err := clock.Sleep(ctx, clock.Real(), watchInterval); err != nil {
			return err
		}
	}
}

// noAnswer says that the server doesn't answer; empty without a fault.
func noAnswer(fault error) string {
	if fault == nil {
		return ""
	}
	return fmt.Sprintf("the server does not answer (%v); retrying", withoutURL(fault))
}

func (a *app) printChanges(ctx context.Context, c *api.Client, f jobsFlags) error {
	printed := map[string][]string{}
	unreachable := false
	return a.eachList(ctx, c, func() jobsFlags { return f }, func(jobs []api.Job, fault error) error {
		switch {
		case fault != nil && !unreachable:
			a.term.Warnf("%s", noAnswer(fault))
		case fault == nil && unreachable:
			a.term.Warnf("the server answers again")
		}
		if unreachable = fault != nil; unreachable {
			return nil
		}
		for i := range slices.Backward(jobs) { // the newest is printed last
			header, rows := a.jobTable(jobs[i : i+1])
			state := []string{string(jobs[i].Status), rows[0][2]}
			if slices.Equal(printed[jobs[i].ID], state) {
				continue
			}
			printed[jobs[i].ID] = state
			if err := a.term.PrintTable(header, rows); err != nil {
				return err
			}
		}
		return nil
	})
}
