package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent"
	"github.com/errandhq/errand/internal/version"
)

// agents are those that run inside a local server.
type agents struct {
	all     []*agent.Agent
	running sync.WaitGroup
	stopped chan struct{} // closed when all have ended

	mu   sync.Mutex
	errs []error
}

// startAgents starts n agents, with their data in DATA/agents/1 and so on.
func startAgents(s *localServer, n int, environment agent.Environment, url string) (*agents, error) {
	g := &agents{stopped: make(chan struct{})}
	host, _ := os.Hostname() // only for people to read
	program, err := supervisor()
	if err != nil {
		return nil, err
	}
	for i := 1; i <= n; i++ {
		number := strconv.Itoa(i)
		log := s.log
		if n > 1 {
			log = log.With("agent", number)
		}
		client := newClient(url, s.tokens[errand.RoleAgent])
		a, err := agent.New(agent.Config{
			Client: client, HTTP: client.HTTP, DataDir: filepath.Join(s.dataDir, "agents", number),
			Name: cmp.Or(host, "local") + "-" + number, Version: version.Get().Short(), Log: log, Environment: environment,
			Supervisor: program,
		})
		if err != nil {
			return nil, fmt.Errorf("agent %d: %w", i, err)
		}
		g.all = append(g.all, a)
	}
	for i, a := range g.all {
		g.running.Go(func() { g.run(s, i+1, a) })
	}
	go func() {
		g.running.Wait()
		close(g.stopped)
	}()
	return g, nil
}

func (g *agents) run(s *localServer, number int, a *agent.Agent) {
	err := a.Run(context.Background())
	if err == nil {
		return
	}
	s.log.Error("agent ended", "agent", number, "err", err)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.errs = append(g.errs, fmt.Errorf("agent %d: %w", number, err))
}

// close drains the agents and waits for them; the end of now cancels their jobs.
// Errors: those that agents ended with before they were told to.
func (g *agents) close(now context.Context) error {
	for _, a := range g.all {
		a.Drain()
	}
	select {
	case <-g.stopped:
	case <-now.Done():
		for _, a := range g.all {
			a.Cancel()
		}
		<-g.stopped
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return errors.Join(g.errs...)
}
