package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent"
	"github.com/errandhq/errand/internal/stackcli"
	"github.com/errandhq/errand/internal/terminal"
	"github.com/errandhq/errand/internal/tracing"
)

// localSweep is shorter than template.yaml's minute: here a sweep that finds nothing
// takes a millisecond, and a job whose worker is lost waits for the next one.
const localSweep = 5 * time.Second

const maxLocalAgents = 64

type localFlags struct {
	listenFlags
	stackcli.ProfileFlags
	isolateFlags
	metricsFlags
	dataDir      string
	agents       int
	jobEnv       jobEnvFlags
	awsAddr      string
	connections  int
	artifactDays int
	log          terminal.LogFlags

	heartbeat, lease, shortLease, sweep time.Duration

	environment agent.Environment // of the agents' jobs, from jobEnv
	traces      *tracing.Tracer   // nil: none
	otlp        map[string]string // the template's parameters for where functions send spans
}

func (a *app) localCommand() *cobra.Command {
	var f localFlags
	cmd := &cobra.Command{
		Use:   "local",
		Short: "Run a server and a worker on this machine",
		Long: "Local runs all of Errand in one process: the API and the web page, an agent, and embedded versions\n" +
			"of SQS, DynamoDB and S3. When it is ready, it prints its URL on stdout.\n\n" +
			"Ctrl-C finishes the running jobs and exits. A second Ctrl-C cancels them.",
		Args: terminal.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.local(cmd.Context(), f) },
	}
	terminal.AddFlags(cmd, "Server", func(fl *pflag.FlagSet) {
		f.addListenFlags(fl)
		fl.StringVar(&f.dataDir, "data", "", "data `directory` (default "+shownDataDir("local")+")")
		stackcli.AddConnectionsFlag(fl, &f.connections)
		fl.IntVar(&f.artifactDays, "artifact-days", 0, "keep the files that jobs gave back for `N` days (default 90)")
		f.addMetricsFlag(fl)
	})
	terminal.AddFlags(cmd, "Workers", func(fl *pflag.FlagSet) {
		fl.IntVar(&f.agents, "agents", 1, "run `N` agents in this process")
		terminal.DurationVar(fl, &f.heartbeat, "heartbeat", 0, "interval of the workers' heartbeats (default 10s)")
		terminal.DurationVar(fl, &f.lease, "lease", 0, "count a worker as lost after this time without a heartbeat (default 5m)")
		terminal.DurationVar(fl, &f.shortLease, "short-lease", 0, "count a worker as lost if it does not confirm a new job within this time (default 30s)")
		terminal.DurationVar(fl, &f.sweep, "sweep", localSweep, "interval of the check for lost and expired jobs")
	})
	f.jobEnv.add(cmd)
	terminal.AddFlags(cmd, "Embedded AWS", func(fl *pflag.FlagSet) {
		fl.StringVar(&f.awsAddr, "aws-addr", "", "also serve the embedded AWS services on this loopback `host:port`")
		f.AddProfileFlags(fl)
		f.addIsolateFlags(fl)
	})
	f.log.Add(cmd)
	terminal.HideRareFlags(cmd, "max-connections", "artifact-days", "heartbeat", "lease", "short-lease", "sweep", "home",
		"metrics-addr", "aws-addr", "profile", "seed", "isolate", "functions", "log-format")
	return cmd
}

func (f *localFlags) check() error {
	switch {
	case f.agents < 0 || f.agents > maxLocalAgents:
		return terminal.UsageErrorf("--agents must be 0 to %d, got %d", maxLocalAgents, f.agents)
	case f.artifactDays < 0:
		return terminal.UsageErrorf("--artifact-days must be at least 1, got %d", f.artifactDays)
	case min(f.heartbeat, f.lease, f.shortLease, f.sweep) < 0:
		return terminal.UsageErrorf("--heartbeat, --lease, --short-lease and --sweep must not be negative")
	}
	return errors.Join(stackcli.CheckConnections(f.connections), f.isolateFlags.check())
}

// local serves until a signal.
func (a *app) local(ctx context.Context, f localFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	var err error
	if f.environment, err = f.jobEnv.parse(a.lookup); err != nil {
		return err
	}
	log, err := a.term.NewLog(f.log)
	if err != nil {
		return err
	}
	if f.dataDir == "" {
		if f.dataDir, err = defaultDataDir(a.getenv); err != nil {
			return err
		}
	}
	hostile, err := f.Hostile(a.term)
	if err != nil {
		return err
	}
	first, second, stop := terminal.NotifyInterrupts(ctx)
	defer stop()
	f.traces = a.openTraces(first, "errand-local", log)
	defer f.traces.Close()
	if f.traces != nil {
		f.otlp = map[string]string{"OtlpEndpoint": a.getenv("OTEL_EXPORTER_OTLP_ENDPOINT"), "OtlpHeaders": a.getenv("OTEL_EXPORTER_OTLP_HEADERS")}
	}
	server, err := startLocal(first, f, hostile, log)
	if err != nil {
		return err
	}
	if err := a.announce(first, server); err != nil {
		return errors.Join(err, server.close(second))
	}
	select {
	case <-first.Done():
		a.term.Notef("stopping: waiting for running jobs to end; press Ctrl-C again to cancel them")
	case err = <-server.http.failed:
	case err = <-server.stack.Failed():
		err = fmt.Errorf("the data directory can't be written any more: %w", err)
	}
	return errors.Join(err, server.close(second))
}

// announce prints the URL for programs, and the rest for people.
func (a *app) announce(ctx context.Context, s *localServer) error {
	if err := a.term.Print(s.url); err != nil {
		return err
	}
	link, err := s.startLink(ctx)
	if err != nil {
		return err
	}
	a.term.Notef("web page, signed in: %s", link)
	a.term.Notef("this link works once, for %d minutes; errand open makes another", int(errand.StartCodeLifetime.Minutes()))
	a.term.Notef("data and tokens: %s", s.dataDir)
	if s.awsAddr != "" {
		a.term.Notef("AWS endpoint: %s", s.stack.Endpoint())
	}
	if own, _ := defaultDataDir(a.getenv); own != s.dataDir {
		a.term.Hintf("for other commands, set ERRAND_SERVER=%s ERRAND_TOKEN_FILE=%s", s.url, errand.QuoteWord(s.tokenFile()))
	}
	return nil
}
