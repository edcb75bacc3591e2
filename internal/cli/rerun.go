package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/terminal"
)

func (a *app) rerunCommand() *cobra.Command {
	var f outputFlags
	var edit bool
	cmd := &cobra.Command{
		Use:   "rerun ID",
		Short: "Run a job again, with the same files and settings",
		Long: "Rerun creates a job with the files, commands and settings of another one, and goes on as errand run\n" +
			"does. The files are those that were sent then; they can be used again for 9 days.\n\n" + howToNameJobs,
		Example: "  errand rerun @last-failed",
		Args:    oneJobID,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.traced(cmd.Context(), "errand rerun", func(ctx context.Context) error { return a.rerun(ctx, args[0], edit, f) })
		},
	}
	terminal.AddFlags(cmd, "What to run", func(fl *pflag.FlagSet) {
		fl.BoolVar(&edit, "edit", false, "first change the settings, as YAML in $VISUAL or $EDITOR")
	})
	f.add(cmd)
	a.addServerFlags(cmd)
	return cmd
}

func (a *app) rerun(ctx context.Context, arg string, edit bool, f outputFlags) error {
	f.apply(a.term)
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
	old, err := callWithRetry(first, retryFirst, func(ctx context.Context) (api.Job, error) { return c.Job(ctx, id) })
	if err != nil {
		return err
	}
	body, err := old.Again()
	if err != nil {
		return err
	}
	body.Watch = !f.detach
	edited := ""
	if edit {
		if body, edited, err = a.edit(first, id, body); err != nil {
			return keepEdited(edited, err)
		}
	}
	defer terminal.ExitWhenInterrupted(second, cancelGrace)()
	out := a.printFrame
	if body.Terminal != nil && !a.term.IsTTY() {
		out = a.plainFrame()
	}
	return keepEdited(edited, errSourceGone(a.createAndFollow(first, second, c, body, retryConnected, out, f)))
}

// errSourceGone explains that the files of a job that is run again are no longer there.
func errSourceGone(err error) error {
	if api.CodeOf(err) != errand.CodeSourceNotFound {
		return err
	}
	return terminal.WithHint(fmt.Errorf("the job's files are no longer on the server: %w", err), "send them again with errand run")
}
