package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/terminal"
)

func (a *app) workerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "worker",
		Short: "Pause, resume, drain and forget workers",
		Long:  "All but list require an admin's token. NAME is the name or the ID of a worker; errand workers lists all.",
		Args:  terminal.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	list := a.workersCommand("list")
	list.Aliases = []string{"ls"}
	cmd.AddCommand(list,
		a.workerAction("pause", "Give the worker no more jobs; it finishes those that it has", "takes no more jobs until errand worker resume"),
		a.workerAction("resume", "Give the worker jobs again", "takes jobs again"),
		a.workerAction("drain", "Have the worker's agent finish its jobs and exit", "takes no more jobs, and exits when its running jobs have ended"),
		a.workerAction("forget", "Remove an offline worker from the list", "is forgotten"))
	return cmd
}

func (a *app) workerAction(verb, short, done string) *cobra.Command {
	return a.named(verb+" NAME", short, func(ctx context.Context, c *api.Client, name string) error {
		w, err := callWithRetry(ctx, retryAction, func(ctx context.Context) (api.Worker, error) { return c.ManageWorker(ctx, verb, name) })
		if err == nil {
			a.term.Notef("worker %s (%s) %s", terminal.FirstLine(w.Name, 40), w.ID, done)
		}
		return err
	})
}
