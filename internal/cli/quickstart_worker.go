package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/terminal"
	"github.com/errandhq/errand/internal/version"
)

// quickWorker is the agent that a quickstart started.
type quickWorker struct {
	agent *agent.Agent
	ended chan error
}

func (s *quickstart) startWorker(ctx context.Context) error {
	if s.worker != nil {
		return terminal.WithHint(errors.New("the worker runs already"), "stop it: type x")
	}
	c, err := s.agentApp().clientAs(agentTokenFile)
	if err != nil {
		return err
	}
	local, err := defaultDataDir(s.getenv)
	if err != nil {
		return err
	}
	program, err := supervisor()
	if err != nil {
		return err
	}
	host, _ := os.Hostname() // only for people to read
	registered := make(chan struct{})
	worker, err := agent.New(agent.Config{
		Client: c, HTTP: c.HTTP, DataDir: filepath.Join(filepath.Dir(local), "agent"), Name: cmp.Or(host, "quickstart"), Slots: 1,
		Version: version.Get().Short(), Log: s.term.NewQuietLog(), Supervisor: program,
		Environment: agent.Environment{Variables: map[string]string{}}, Registered: sync.OnceFunc(func() { close(registered) }),
	})
	if err != nil {
		return err
	}
	s.term.ShowCommand("errand agent")
	s.worker = &quickWorker{worker, make(chan error, 1)}
	go func(w *quickWorker) { w.ended <- w.agent.Run(context.WithoutCancel(ctx)) }(s.worker)
	waitCtx, stop := terminal.NotifyInterrupt(ctx)
	defer stop()
	select {
	case err := <-s.worker.ended:
		s.worker = nil
		return fmt.Errorf("start a worker: %w", err)
	case <-registered:
		s.term.Notef("started a worker; it stops when you quit")
	case <-waitCtx.Done():
		return s.stopWorker(context.WithoutCancel(ctx))
	}
	return nil
}

// agentApp is the session's app with the agents' token of this machine's server, if the
// session is with that one.
func (s *quickstart) agentApp() *app {
	b := s.app
	local, dataDir := s.localURL()
	if at, err := s.findConnection(userTokenFile); err == nil && at.server == local {
		b.server = serverFlags{server: at.server, tokenFile: filepath.Join(dataDir, agentTokenFile)}
	}
	return &b
}

// stopWorker lets the worker finish its job; Ctrl-C cancels that.
func (s *quickstart) stopWorker(ctx context.Context) error {
	if s.worker == nil {
		return terminal.WithHint(errors.New("no worker was started here"), "start one: type w")
	}
	ctx, stop := terminal.NotifyInterrupt(ctx)
	defer stop()
	w := s.worker
	s.worker = nil
	w.agent.Drain()
	select {
	case err := <-w.ended:
		s.term.Notef("stopped the worker")
		return err
	case <-ctx.Done():
		w.agent.Cancel()
		return <-w.ended
	}
}

func (s *quickstart) cancelJob(ctx context.Context) error {
	id, err := s.askJob(ctx)
	if err != nil {
		return err
	}
	s.term.ShowCommand("errand cancel " + errand.QuoteWord(id))
	return s.withJob(ctx, id, false, false, (*api.Client).Cancel)
}

// end stops what the session started.
func (s *quickstart) end(ctx context.Context) error {
	if s.worker == nil {
		return nil
	}
	return s.stopWorker(ctx)
}
