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
	jobEnv  jobEnvFlags
	log     terminal.LogFlags
}

func (a *app) agentCommand() *cobra.Command {
	var f agentFlags
	cmd := &cobra.Command{
		Use:   "agent",
		Short: "Run a worker: take jobs from a server and run them",
		Long: "Agent makes this machine a worker: it takes jobs from a server and runs each in a folder of its own.\n\n" +
			"Ctrl-C finishes the running jobs and exits. A second Ctrl-C cancels them. The worker's ID is kept\n" +
			"in the data directory.",
		Example: "  errand agent --server https://errand.example.net --token-file agent.token",
		Args:    terminal.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.agent(cmd.Context(), f) },
	}
	a.addServerFlags(cmd)
	cmd.Flags().StringVar(&f.dataDir, "data", "", "data `directory` (default "+shownDataDir("agent")+")")
	cmd.Flags().StringVar(&f.name, "name", "", "display `name` of the worker (default the host name)")
	cmd.Flags().IntVar(&f.jobs, "jobs", 1, "run up to `N` jobs at the same time")
	cmd.Flags().StringArrayVar(&f.queues, "queue", nil, "take jobs only from the queue with this `name`; can be repeated (default all that the token may use)")
	f.jobEnv.add(cmd)
	f.log.Add(cmd)
	return cmd
}

func (a *app) agent(ctx context.Context, f agentFlags) error {
	if f.jobs < 1 || f.jobs > errand.MaxSlots {
		return terminal.UsageErrorf("--jobs must be 1 to %d, got %d", errand.MaxSlots, f.jobs)
	}
	environment, err := f.jobEnv.parse(a.lookup)
	if err != nil {
		return err
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
		Version: version.Get().Short(), Log: log, Environment: environment,
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
