package cli

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent"
	"github.com/errandhq/errand/internal/metrics"
	"github.com/errandhq/errand/internal/terminal"
	"github.com/errandhq/errand/internal/version"
)

type agentFlags struct {
	dataDir      string
	name         string
	id           string
	jobs         int
	queues       []string
	cache        terminal.ByteSize
	workspaceAge time.Duration
	labels       []string
	jobEnv       jobEnvFlags

	metricsFlags
	maxima errand.Limits

	heartbeat, pollInterval time.Duration

	log terminal.LogFlags
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
	terminal.AddFlags(cmd, "Worker", func(fl *pflag.FlagSet) {
		fl.StringVar(&f.name, "name", "", "display `name` of the worker (default the host name)")
		fl.StringVar(&f.id, "id", "", "`ID` of the worker, for a machine whose data directory does not last (default a random one, kept in the data directory)")
		fl.StringVar(&f.dataDir, "data", "", "data `directory` (default "+shownDataDir("agent")+")")
		terminal.DurationVar(fl, &f.heartbeat, "heartbeat", 0, "send heartbeats at this interval, if it is shorter than the server's")
		f.addMetricsFlag(fl)
		terminal.DurationVar(fl, &f.pollInterval, "poll-interval", 0, "ask for jobs at this interval, if it is shorter than the server's")
	})
	terminal.AddFlags(cmd, "Jobs", func(fl *pflag.FlagSet) {
		f.cache = agent.DefaultCacheBytes
		fl.Var(&f.cache, "cache-size", "keep at most this much of what jobs' folders have for later jobs, like 500MB or 20GiB; 0 keeps nothing")
		terminal.DurationVar(fl, &f.workspaceAge, "workspace-age", agent.DefaultWorkspaceAge, "remove workspaces that no job has used for this `duration`")
		fl.IntVar(&f.jobs, "jobs", 1, "run up to `N` jobs at the same time")
		fl.StringArrayVar(&f.queues, "queue", nil, "take jobs only from the queue with this `name`; can be repeated, the first comes first (default all that the token may use)")
		fl.StringArrayVar(&f.labels, "label", nil, "set a label that jobs can require, `NAME=VALUE`; can be repeated")
		fl.Var((*terminal.ByteSize)(&f.maxima.Memory), "max-memory", "let each job use at most this memory, like 512MiB or 2GiB, whatever it asks for")
		fl.Float64Var(&f.maxima.CPUs, "max-cpus", 0, "let each job use at most `N` processors, like 1.5, whatever it asks for")
		fl.IntVar(&f.maxima.Pids, "max-pids", 0, "let each job have at most `N` processes and threads, whatever it asks for")
	})
	f.jobEnv.add(cmd)
	a.addAgentServerFlags(cmd)
	f.log.Add(cmd)
	return cmd
}

func (a *app) agent(ctx context.Context, f agentFlags) error {
	if f.jobs < 1 || f.jobs > errand.MaxSlots {
		return terminal.UsageErrorf("--jobs must be 1 to %d, got %d", errand.MaxSlots, f.jobs)
	}
	if f.id != "" && !errand.ValidWorkerID(f.id) {
		return terminal.UsageErrorf("--id must be 1 to 64 letters, digits, hyphens and underscores, got %q", f.id)
	}
	if err := errors.Join(checkInterval("--heartbeat", f.heartbeat), checkInterval("--poll-interval", f.pollInterval)); err != nil {
		return err
	}
	if err := checkLimits("--max-", &f.maxima); err != nil {
		return err
	}
	environment, err := f.jobEnv.parse(a.lookup)
	if err != nil {
		return err
	}
	labels, err := parseLabels("--label", f.labels)
	if err != nil {
		return err
	}
	if err := errand.ValidateLabels("--label", labels); err != nil {
		return terminal.UsageErrorf("%s", messageOf(err))
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
		if f.dataDir, err = defaultAgentDir(a.getenv); err != nil {
			return err
		}
	}
	program, err := supervisor()
	if err != nil {
		return err
	}
	m := metrics.NewAgent(version.Get().Short(), f.jobs)
	client.HTTP.Transport = m.Transport(client.HTTP.Transport)
	traces := a.openTraces(ctx, "errand-agent", log)
	defer traces.Close()
	client.TraceParent = traces.Header("")
	worker, err := agent.New(agent.Config{
		Client: client, HTTP: client.HTTP, DataDir: f.dataDir, WorkerID: f.id, Name: f.name, Slots: f.jobs, Queues: f.queues, CacheBytes: cacheBytes(f.cache), WorkspaceAge: f.workspaceAge, Labels: labels,
		Version: version.Get().Short(), Log: log, Environment: environment,
		HeartbeatInterval: f.heartbeat, PollInterval: f.pollInterval,
		Supervisor: program, MaxLimits: f.maxima, Traces: traces,
	})
	if err != nil {
		return terminal.UsageErrorf("%w", err)
	}
	m.WatchJobs(worker.Jobs)
	stopMetrics, err := f.serveMetrics(m.Handler(), log)
	if err != nil {
		return err
	}
	first, second, stop := terminal.NotifyInterrupts(ctx)
	defer stop()
	defer context.AfterFunc(first, worker.Drain)()
	err = worker.Run(second)
	if errors.Is(err, terminal.ErrInterrupted) {
		err = nil // told to stop, and stopped
	}
	return errors.Join(err, stopMetrics())
}

// defaultAgentDir is the data directory of errand agent.
func defaultAgentDir(getenv func(string) string) (string, error) {
	local, err := defaultDataDir(getenv)
	if err != nil {
		return "", err
	}
	return filepath.Join(filepath.Dir(local), "agent"), nil
}

// checkInterval checks an interval of requests that a flag sets; 0 is the server's.
func checkInterval(flag string, d time.Duration) error {
	if d != 0 && d < time.Second {
		return terminal.UsageErrorf("%s must be at least 1s, got %s", flag, d)
	}
	return nil
}

// cacheBytes is the agent's Config.CacheBytes for a flag, where 0 means none.
func cacheBytes(flag terminal.ByteSize) int64 {
	if flag == 0 {
		return -1
	}
	return int64(flag)
}
