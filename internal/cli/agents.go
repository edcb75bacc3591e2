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

// startAgents starts the agents, with their data in DATA/agents/1 and so on. If there were
// more before, and jobs of theirs run, it starts those, too, until these jobs have ended.
func startAgents(s *localServer, f localFlags, url string) (*agents, error) {
	n, g := f.agents, &agents{stopped: make(chan struct{})}
	host, _ := os.Hostname() // only for people to read
	program, err := supervisor()
	if err != nil {
		return nil, err
	}
	earlier, err := s.earlierAgents(n)
	if err != nil {
		return nil, err
	}
	numbers := earlier
	for i := 1; i <= n; i++ {
		numbers = append(numbers, i)
	}
	for i, number := range numbers {
		log := s.log
		if len(numbers) > 1 {
			log = log.With("agent", strconv.Itoa(number))
		}
		if i < len(earlier) {
			log.Info("finishing the jobs of an agent that this start no longer has")
		}
		client := newClient(url, s.tokens[errand.RoleAgent])
		client.TraceParent = f.traces.Header("")
		a, err := agent.New(agent.Config{
			Client: client, HTTP: client.HTTP, DataDir: s.agentDir(number), FinishOnly: i < len(earlier),
			Name: cmp.Or(host, "local") + "-" + strconv.Itoa(number), Version: version.Get().Short(), Log: log, Environment: f.environment,
			Supervisor: program, Traces: f.traces,
		})
		if err != nil {
			return nil, fmt.Errorf("agent %d: %w", number, err)
		}
		g.all = append(g.all, a)
	}
	for i, a := range g.all {
		g.running.Go(func() { g.run(s, numbers[i], a) })
	}
	go func() {
		g.running.Wait()
		close(g.stopped)
	}()
	return g, nil
}

func (s *localServer) agentDir(number int) string {
	return filepath.Join(s.dataDir, "agents", strconv.Itoa(number))
}

// earlierAgents returns the numbers, above n, of agents of an earlier start whose jobs
// run or have yet to be reported.
func (s *localServer) earlierAgents(n int) ([]int, error) {
	var numbers []int
	for i := n + 1; i <= maxLocalAgents; i++ {
		has, err := agent.HasAttempts(s.agentDir(i))
		if err != nil {
			return nil, fmt.Errorf("agent %d: %w", i, err)
		}
		if has {
			numbers = append(numbers, i)
		}
	}
	return numbers, nil
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
