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
		Short: "Print a job's log: its stdout to stdout, its stderr to stderr",
		Args:  oneJob,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.logs(cmd.Context(), args[0], attempt, follow, asJSON)
		},
	}
	a.addServerFlags(cmd)
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on until the job is over")
	cmd.Flags().IntVar(&attempt, "attempt", 0, "of this attempt (default the current one)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object per piece of output")
	return cmd
}

func (a *app) logs(ctx context.Context, id string, attempt int, follow, asJSON bool) error {
	if attempt < 0 {
		return terminal.UsageErrorf("--attempt counts from 1")
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
		page, err := call(ctx, firstContact, func(ctx context.Context) (api.LogPage, error) { return c.Logs(ctx, id, attempt, offset, 0) })
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
