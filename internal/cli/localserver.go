package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/control"
	"github.com/errandhq/errand/internal/durable"
	"github.com/errandhq/errand/internal/httplimit"
	"github.com/errandhq/errand/internal/metrics"
	"github.com/errandhq/errand/internal/setup"
	"github.com/errandhq/errand/internal/stackcli"
	"github.com/errandhq/errand/internal/terminal"
	"github.com/errandhq/errand/localstack"
	"github.com/errandhq/errand/web"
)

// A localServer is all that errand local runs, without the user interface.
type localServer struct {
	url     string
	dataDir string
	awsAddr string
	tokens  localTokens

	log         *slog.Logger
	stack       *localstack.Stack
	service     *control.Service // checks tokens, counts and prunes
	changes     control.Changes  // of all Services
	metrics     *metrics.Server
	stopMetrics func() error
	stopPruning func()
	connections *httplimit.Connections
	http        *httpServer
	agents      *agents
}

// startLocal starts everything. When it returns, the server serves.
// Errors: the address's, the data directory's; nothing is left running then.
func startLocal(ctx context.Context, f localFlags, hostile *localstack.Hostile, log *slog.Logger) (_ *localServer, err error) {
	s := &localServer{
		awsAddr: f.awsAddr, log: log, connections: httplimit.NewConnections(f.connections),
		metrics: newServerMetrics(), stopMetrics: func() error { return nil },
	}
	if s.dataDir, err = filepath.Abs(f.dataDir); err != nil {
		return nil, err
	}
	ln, url, err := f.listen()
	if err != nil {
		return nil, err
	}
	s.url = url
	defer func() {
		if err != nil {
			err = errors.Join(err, s.abort(ln))
		}
	}()
	if err := makeDataDir(s.dataDir); err != nil {
		return nil, terminal.WithDataDirHint(fmt.Errorf("create data directory: %w", err))
	}
	if err := s.openStack(ctx, f, hostile); err != nil {
		return nil, err
	}
	if err := s.openService(ctx); err != nil {
		return nil, terminal.WithDataDirHint(err)
	}
	agentURL, err := s.open(ln, f)
	if err != nil {
		return nil, err
	}
	if err := durable.WriteFile(durable.OS, filepath.Join(s.dataDir, urlFile), []byte(agentURL+"\n"), 0o600); err != nil {
		return nil, terminal.WithDataDirHint(err)
	}
	if s.agents, err = startAgents(s, f, agentURL); err != nil {
		return nil, err
	}
	s.stopPruning = s.startPruning(f.agents)
	return s, nil
}

// abort ends what was started before a start that failed.
func (s *localServer) abort(ln net.Listener) error {
	if s.http == nil {
		return errors.Join(ln.Close(), s.stopMetrics(), s.closeStack())
	}
	return errors.Join(s.http.close(), s.stopMetrics(), s.closeStack())
}

// openStack starts the AWS of its own, with the functions in this process, or in
// processes, which need an address to reach it at.
func (s *localServer) openStack(ctx context.Context, f localFlags, hostile *localstack.Hostile) error {
	direct, err := directSource()
	if err != nil {
		return err
	}
	functions := newFunctions(s.log, &s.changes, s.metrics.Observe, f.traces)
	c := localstack.Config{
		DataDir: s.dataDir, Template: errand.Template, Parameters: f.parameters(), Addr: f.awsAddr,
		Functions: functions.sources(direct), Hostile: hostile, Logf: stackcli.LogFunc(s.log),
		OldestGroupFirst: true, // docs/adr/0004-fifo.md
		OpaqueETags:      true,
		Connections:      f.connections,
		Concurrency:      s.requests(f) + ownConcurrency,
	}
	if f.isolate {
		if c.Functions, err = f.processSources(direct); err != nil {
			return err
		}
		if c.Addr == "" {
			c.Addr = "127.0.0.1:0"
		}
	}
	if f.sweep > 0 {
		c.Rates = map[string]time.Duration{sweepName: f.sweep}
	}
	s.stack, err = localstack.Start(ctx, c)
	functions.ready(s.stack, err)
	if err != nil {
		return stackcli.ExplainStart(err, s.dataDir)
	}
	return nil
}

const (
	// maxProcesses limits the function processes of --isolate.
	maxProcesses = 200
	// ownConcurrency is for the functions that no request of the API starts: the
	// sweep, and direct mode's.
	ownConcurrency = 100
)

// requests is how many requests may be in progress.
func (s *localServer) requests(f localFlags) int {
	n := max(s.connections.Limit(), 16)
	if f.isolate {
		n = min(n, maxProcesses)
	}
	return n
}

// localPollWait is how long the server holds a question for work: on one machine
// that costs a parked goroutine.
const localPollWait = errand.MaxPollWait * time.Second

// parameters are the template's, as they are on one machine.
func (f *localFlags) parameters() map[string]string {
	hosts := strings.Join(f.hosts(), ",")
	p := map[string]string{
		"Hosts": hosts, "SignHosts": hosts, "DirectMode": "true",
		"PollWait": localPollWait.String(), "Bell": "false", "PageOrigin": "/",
	}
	for name, d := range map[string]time.Duration{"Heartbeat": f.heartbeat, "Lease": f.lease, "ShortLease": f.shortLease} {
		if d > 0 {
			p[name] = d.String()
		}
	}
	maps.Copy(p, f.otlp)
	if f.artifactDays > 0 {
		p["ArtifactDays"] = strconv.Itoa(f.artifactDays)
	}
	return p
}

// openService comes after the stack, whose lock makes this the only server in the
// directory.
func (s *localServer) openService(ctx context.Context) error {
	env := s.stack.Environment(sweepName)
	settings, err := setup.ParseSettings(func(name string) string { return env[name] })
	if err != nil {
		return err
	}
	s.service = setup.NewService(setup.Process{AWS: s.stack.AWSConfig(), Changes: &s.changes, Observe: s.metrics.Observe, Log: s.log}, settings)
	if err := s.service.EndDirectRuns(ctx); err != nil {
		s.log.Warn("direct runs of the server before are not ended; their leases will end them", "err", err)
	}
	if s.tokens, err = openTokens(durable.OS, s.dataDir); err != nil {
		return err
	}
	return s.tokens.grant(ctx, s.service)
}

// open serves at ln. Embedded agents reach the server at agentURL: where the
// outer address speaks TLS that is one of their own, on loopback.
func (s *localServer) open(ln net.Listener, f localFlags) (agentURL string, err error) {
	admission := api.Admission{Requests: s.requests(f), Service: s.service}
	handler := admission.Handler(s.stack.API(localstack.APIOptions{Fallback: web.Handler("")}))
	s.metrics.WatchQueues(s.service)
	handler = withHealth(withMetrics(s.metrics, s.service, withStorage(s.service, s.prune, handler)))
	if s.stopMetrics, err = f.serveMetrics(s.metrics.Handler(), s.log); err != nil {
		return "", err
	}
	s.http = newHTTPServer(guardHosts(f.hosts(), handler), s.connections, s.log)
	s.http.serve(ln)
	if f.tlsCert == "" {
		return s.url, nil
	}
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen for the embedded agents: %w", err)
	}
	s.http.serve(inner)
	return "http://" + inner.Addr().String(), nil
}

func (s *localServer) tokenFile() string { return filepath.Join(s.dataDir, userTokenFile) }

// close ends everything: agents finish what they run, or when now ends cancel
// it; then the requests under way are cut, and the state is closed.
func (s *localServer) close(now context.Context) error {
	s.stopPruning()
	err := s.agents.close(now)
	_ = os.Remove(filepath.Join(s.dataDir, urlFile)) // stale, it would only make a worse message
	return errors.Join(err, s.stopMetrics(), s.http.close(), s.closeStack())
}

func (s *localServer) closeStack() error {
	if s.stack == nil {
		return nil
	}
	return s.stack.Close()
}

// makeDataDir creates the data directory and that of the agents' directories. Commands of
// a job that runs as root can give up their rights and still work in its directory.
func makeDataDir(dir string) error {
	agents := filepath.Join(dir, "agents")
	if err := os.MkdirAll(agents, 0o700); err != nil || os.Geteuid() != 0 {
		return err
	}
	return errors.Join(os.Chmod(dir, 0o711), os.Chmod(agents, 0o711))
}
