package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/terminal"
)

func (a *app) logsCommand() *cobra.Command {
	var follow, asJSON, raw bool
	var attempt int
	cmd := &cobra.Command{
		Use: "logs ID", Aliases: []string{"log"}, SuggestFor: []string{"tail", "output"},
		Short: "Print a job's output",
		Long: "Logs prints a job's stdout on stdout, and its stderr and the agent's own messages on stderr.\n\n" +
			"With --follow, the exit code is the job's, as that of errand run.\n\n" + howToNameJobs,
		Args: oneJobID,
		RunE: func(cmd *cobra.Command, args []string) error {
			a.exitIsJobs = follow
			return a.logs(cmd.Context(), args[0], attempt, follow, asJSON, raw)
		},
	}
	a.addServerFlags(cmd)
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "keep printing until the job ends")
	cmd.Flags().IntVar(&attempt, "attempt", 0, "print the log of attempt `N` (default the latest)")
	cmd.Flags().BoolVar(&raw, "raw", false, "keep the escape sequences of a job that ran under a terminal (default if stdout is one)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object for each piece of output")
	return cmd
}

func (a *app) logs(ctx context.Context, id string, attempt int, follow, asJSON, raw bool) error {
	if attempt < 0 {
		return terminal.UsageErrorf("--attempt must be at least 1, got %d", attempt)
	}
	ctx, stop := terminal.NotifyInterrupt(ctx, a.term.EndOutput)
	defer stop()
	c, err := a.client()
	if err != nil {
		return err
	}
	if id, err = findJobID(ctx, c, id); err != nil {
		return err
	}
	out, err := a.frames(ctx, c, id, asJSON, raw)
	if err != nil {
		return err
	}
	if follow {
		return a.followLogs(ctx, c, id, attempt, asJSON, out)
	}
	return printLog(ctx, c, id, attempt, out)
}

// frames returns what prints a log: as it is, as lines of JSON, or without what only a
// terminal understands, if the job had one and stdout is none.
func (a *app) frames(ctx context.Context, c *api.Client, id string, asJSON, raw bool) (func(api.LogFrame) error, error) {
	switch {
	case asJSON:
		return a.jsonFrame, nil
	case raw, a.term.IsTTY():
		return a.printFrame, nil
	}
	job, err := callWithRetry(ctx, retryFirst, func(ctx context.Context) (api.Job, error) { return c.Job(ctx, id) })
	if err != nil || job.Terminal == nil {
		return a.printFrame, err
	}
	var plain terminal.Plain
	return func(f api.LogFrame) error {
		if f.Stream == errand.Stdout.Name() {
			f.Data = plain.Strip(f.Data)
		}
		return a.printFrame(f)
	}, nil
}

// followLogs prints a log until its job ends, and exits as errand run does. The log
// of an attempt that was not the last says nothing of the job's end.
func (a *app) followLogs(ctx context.Context, c *api.Client, id string, attempt int, asJSON bool, out func(api.LogFrame) error) error {
	job, err := a.followToEnd(ctx, c, id, attempt, out)
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
