package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/terminal"
)

func (a *app) logsCommand() *cobra.Command {
	var follow, asJSON bool
	var attempt int
	cmd := &cobra.Command{
		Use:   "logs ID",
		Short: "Print a job's output",
		Long: "Logs prints a job's stdout on stdout, and its stderr and the agent's own messages on stderr.\n\n" +
			"With --follow, the exit code is the job's, as that of errand run.",
		Args: oneJobID,
		RunE: func(cmd *cobra.Command, args []string) error {
			a.exitIsJobs = follow
			return a.logs(cmd.Context(), args[0], attempt, follow, asJSON)
		},
	}
	a.addServerFlags(cmd)
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "keep printing until the job ends")
	cmd.Flags().IntVar(&attempt, "attempt", 0, "print the log of attempt `N` (default the latest)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object for each piece of output")
	return cmd
}

func (a *app) logs(ctx context.Context, id string, attempt int, follow, asJSON bool) error {
	if attempt < 0 {
		return terminal.UsageErrorf("--attempt must be at least 1, got %d", attempt)
	}
	ctx, stop := terminal.NotifyInterrupt(ctx)
	defer stop()
	c, err := a.client()
	if err != nil {
		return err
	}
	if follow {
		return a.followLogs(ctx, c, id, attempt, asJSON)
	}
	return printLog(ctx, c, id, attempt, a.frames(asJSON))
}

// frames prints a log, as it is or as lines of JSON.
func (a *app) frames(asJSON bool) func(api.LogFrame) error {
	if asJSON {
		return a.jsonFrame
	}
	return a.printFrame
}

// followLogs prints a log until its job ends, and exits as errand run does. The log
// of an attempt that was not the last says nothing of the job's end.
func (a *app) followLogs(ctx context.Context, c *api.Client, id string, attempt int, asJSON bool) error {
	job, err := a.followToEnd(ctx, c, id, attempt, a.frames(asJSON))
	if err != nil || attempt > 0 && attempt != job.Attempt {
		return err
	}
	if !asJSON {
		a.printEnd(&job)
	}
	return jobExitError(&job)
}

// printLog prints what there is of a log.
func printLog(ctx context.Context, c *api.Client, id string, attempt int, out func(api.LogFrame) error) error {
	var offset int64
	for {
		page, err := callWithRetry(ctx, retryFirst, func(ctx context.Context) (api.LogPage, error) { return c.Logs(ctx, id, attempt, offset, 0) })
		if err != nil {
			return err
		}
		for _, f := range page.Frames {
			if err := out(f); err != nil {
				return err
			}
		}
		if page.Done || page.Next == offset {
			return nil
		}
		attempt, offset = page.Attempt, page.Next
	}
}
