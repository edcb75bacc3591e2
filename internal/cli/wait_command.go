package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/terminal"
)

func (a *app) waitCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "wait ID…",
		Short: "Wait for jobs to end",
		Long: "Wait returns when all of the jobs have ended. Its exit code is 0 if all succeeded, else that of the\n" +
			"first job, in the order given, that did not: its code, as that of errand run. Ctrl-C ends the\n" +
			"waiting, not the jobs.\n\n" + howToNameJobs,
		Example: "  errand wait $(errand run -d -- make a) $(errand run -d -- make b)",
		Args:    someJobIDs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.wait(cmd.Context(), args, asJSON)
		},
	}
	a.addServerFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the jobs as JSON: {\"jobs\": […]}")
	return cmd
}

// someJobIDs is a cobra.PositionalArgs.
func someJobIDs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return nil
	}
	return terminal.WithHint(terminal.UsageErrorf("%s requires at least one job ID", cmd.CommandPath()), "list jobs with errand jobs")
}

func (a *app) wait(ctx context.Context, args []string, asJSON bool) error {
	ctx, stop := terminal.NotifyInterrupt(ctx)
	defer stop()
	c, err := a.client()
	if err != nil {
		return err
	}
	ids, err := findJobIDs(ctx, c, args)
	if err != nil {
		return err
	}
	var firstErr error
	list := api.JobList{Jobs: []api.Job{}}
	for _, id := range ids {
		job, err := a.waitForEnd(ctx, c, id)
		if err != nil {
			return err
		}
		a.printEnd(&job)
		list.Jobs = append(list.Jobs, job)
		if firstErr == nil {
			firstErr = jobExitError(&job)
		}
	}
	if asJSON {
		if err := a.term.PrintJSON(list); err != nil {
			return err
		}
	}
	return firstErr
}

func findJobIDs(ctx context.Context, c *api.Client, args []string) ([]string, error) {
	ids := make([]string, len(args))
	for i, arg := range args {
		var err error
		if ids[i], err = findJobID(ctx, c, arg); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// noLog is an offset beyond any log: a follower that begins there reads none of it.
const noLog = 1 << 50

// waitForEnd returns the job when it has ended. It tells on stderr what it waits for.
func (a *app) waitForEnd(ctx context.Context, c *api.Client, id string) (api.Job, error) {
	job, err := callWithRetry(ctx, retryFirst, func(ctx context.Context) (api.Job, error) { return c.Job(ctx, id) })
	if err != nil || job.Status.Terminal() {
		return job, err
	}
	f := a.newFollower(c, id, 0, discardFrame)
	f.start, f.offset, f.chunk = noLog, noLog, noLog
	return followToEnd(ctx, f)
}
