package cli

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent"
	"github.com/errandhq/errand/internal/terminal"
	"github.com/errandhq/errand/internal/version"
)

type agentFlags struct {
	dataDir string
	name    string
	jobs    int
	queues  []string
	log     terminal.LogFlags
}

func (a *app) agentCommand() *cobra.Command {
	var f agentFlags
	cmd := &cobra.Command{
		Use:   "agent",
		Short: "Make this machine a worker of a server",
		Long: "Agent asks a server for jobs and runs them, each in a folder of its own, until it gets a signal.\n\n" +
			"The first signal (Ctrl-C) lets it finish what it runs; the second cancels that. It keeps its ID\n" +
			"in its data directory.",
		Example: "  errand agent --server https://errand.example.net --token-file agent.token",
		Args:    terminal.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.agent(cmd.Context(), f) },
	}
	a.addServerFlags(cmd)
	cmd.Flags().StringVar(&f.dataDir, "data", "", "data directory (default errand/agent in your data home)")
	cmd.Flags().StringVar(&f.name, "name", "", "a name for people (default this machine's)")
	cmd.Flags().IntVar(&f.jobs, "jobs", 1, "how many jobs at a time")
	cmd.Flags().StringArrayVar(&f.queues, "queue", nil, "take jobs of this queue alone; can be repeated (default all that the token may use)")
	f.log.Add(cmd)
	return cmd
}

func (a *app) agent(ctx context.Context, f agentFlags) error {
	if f.jobs < 1 || f.jobs > errand.MaxSlots {
		return terminal.UsageErrorf("--jobs must be 1 to %d, not %d", errand.MaxSlots, f.jobs)
	}
	client, err := a.clientAs(agentTokenFile)
	if err != nil {
		return err
	}
	log, err := a.term.NewLog(f.log)
	if err != nil {
		return err
	}
	if f.dataDir == "" {
		local, err := defaultDataDir(a.getenv)
		if err != nil {
			return err
		}
		f.dataDir = filepath.Join(filepath.Dir(local), "agent")
	}
	worker, err := agent.New(agent.Config{
		Client: client, HTTP: client.HTTP, DataDir: f.dataDir, Name: f.name, Slots: f.jobs, Queues: f.queues,
		Version: version.Get().Short(), Log: log,
	})
	if err != nil {
		return terminal.UsageErrorf("%w", err)
	}
	first, second, stop := terminal.NotifyInterrupts(ctx)
	defer stop()
	defer context.AfterFunc(first, worker.Drain)()
	err = worker.Run(second)
	if errors.Is(err, terminal.ErrInterrupted) {
		return nil // told to stop, and stopped
	}
	return err
}
