package cli

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/errandhq/errand/internal/stackcli"
	"github.com/errandhq/errand/internal/terminal"
)

type localFlags struct {
	listenFlags
	stackcli.ProfileFlags
	isolateFlags
	dataDir string
	agents  int
	awsAddr string
	log     terminal.LogFlags

	heartbeat, lease, shortLease, sweep time.Duration
}

func (a *app) localCommand() *cobra.Command {
	var f localFlags
	cmd := &cobra.Command{
		Use:   "local",
		Short: "Run a server, its page and an agent on this machine",
		Long: "Local runs the whole of Errand in this process: API, page, the embedded SQS, DynamoDB and S3\n" +
			"behind them, and an agent. Its first line on stdout, once it serves, is its URL.\n\n" +
			"Ctrl-C lets the agent finish what it runs, and ends; a second Ctrl-C cancels its jobs.",
		Args: terminal.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.local(cmd.Context(), f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.addr, "addr", "127.0.0.1:8080", "where to listen; port 0 takes any free one")
	fl.StringVar(&f.dataDir, "data", "", "data directory (default errand/local in your data home)")
	fl.IntVar(&f.agents, "agents", 1, "how many agents run inside")
	fl.StringVar(&f.tlsCert, "tls-cert", "", "serve HTTPS with the certificate in this file")
	fl.StringVar(&f.tlsKey, "tls-key", "", "and the key in this one")
	fl.BoolVar(&f.insecure, "insecure", false, "listen for other machines without TLS")
	fl.StringArrayVar(&f.allowHosts, "allow-host", nil, "also answer to this name; can be repeated")
	fl.StringVar(&f.awsAddr, "aws-addr", "", "also open the AWS edge at this loopback address")
	fl.DurationVar(&f.heartbeat, "heartbeat", 0, "how often workers say that they live (default 10s)")
	fl.DurationVar(&f.lease, "lease", 0, "how long a job waits for that (default 5m)")
	fl.DurationVar(&f.shortLease, "short-lease", 0, "the same before the first time (default 30s)")
	fl.DurationVar(&f.sweep, "sweep", 0, "how often to look after jobs that are due (default 1m)")
	f.ProfileFlags.Add(cmd)
	f.isolateFlags.add(cmd)
	f.log.Add(cmd)
	return cmd
}

func (f *localFlags) check() error {
	switch {
	case f.agents < 0 || f.agents > 64:
		return terminal.UsageErrorf("--agents must be 0 to 64")
	case min(f.heartbeat, f.lease, f.shortLease, f.sweep) < 0:
		return terminal.UsageErrorf("durations must not be negative")
	}
	return f.isolateFlags.check()
}

// local serves until a signal.
func (a *app) local(ctx context.Context, f localFlags) error {
	if err := f.check(); err != nil {
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
	server, err := startLocal(first, f, hostile, log)
	if err != nil {
		return err
	}
	if err := a.announce(server); err != nil {
		return errors.Join(err, server.close(second))
	}
	select {
	case <-first.Done():
		a.term.Notef("ending: agents finish what they run; press Ctrl-C again to cancel it")
	case err = <-server.failed:
	}
	return errors.Join(err, server.close(second))
}

// announce prints the URL for programs, and the rest for people.
func (a *app) announce(s *localServer) error {
	if err := a.term.Print(s.url); err != nil {
		return err
	}
	a.term.Notef("the page: %s/#token=%s", s.url, s.tokens.user())
	a.term.Notef("data and tokens: %s", s.dataDir)
	if s.awsAddr != "" {
		a.term.Notef("AWS edge: %s", s.stack.Endpoint())
	}
	if own, _ := defaultDataDir(a.getenv); own != s.dataDir {
		a.term.Hintf("for errand run: ERRAND_SERVER=%s ERRAND_TOKEN_FILE=%s", s.url, terminal.QuoteShell(s.tokenFile()))
	}
	return nil
}
