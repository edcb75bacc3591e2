package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/errandhq/errand/internal/terminal"
)

func (a *app) attachCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "attach ID",
		Short: "Follow a job from its beginning, as errand run does",
		Long: "Attach prints a job's output from its beginning and goes on as errand run does: Ctrl-C cancels the\n" +
			"job, as do a closed terminal and a closed pipe, and the exit code is the job's. To read without\n" +
			"cancelling, use errand logs -f.\n\n" + howToNameJobs,
		Args: oneJobID,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.attach(cmd.Context(), args[0], asJSON)
		},
	}
	a.addServerFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the job as JSON when it ends, without its output")
	return cmd
}

func (a *app) attach(ctx context.Context, arg string, asJSON bool) error {
	first, second, stop := terminal.NotifyHangups(ctx)
	defer stop()
	c, err := a.client()
	if err != nil {
		return err
	}
	id, err := findJobID(first, c, arg)
	if err != nil {
		return err
	}
	out, err := a.frames(first, c, id, false, false)
	if err != nil {
		return err
	}
	defer terminal.ExitWhenInterrupted(second, cancelGrace)()
	a.term.Notef("job %s", id)
	return a.waitForJob(first, second, c, id, out, outputFlags{json: asJSON})
}
