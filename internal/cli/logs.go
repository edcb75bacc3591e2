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
		Long:  "Logs prints a job's stdout on stdout, and its stderr and the agent's own messages on stderr.",
		Args:  oneJobID,
		RunE: func(cmd *cobra.Command, args []string) error {
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
	out := a.printFrame
	if asJSON {
		out = a.jsonFrame
	}
	if follow {
		return a.newFollower(c, id, attempt, out).follow(ctx)
	}
	return printLog(ctx, c, id, attempt, out)
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
