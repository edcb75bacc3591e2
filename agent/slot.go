package agent

import (
	"context"
	"sync"

	"github.com/errandhq/errand/agent/internal/supervisor"
)

// Supervise is the process that runs the commands of one slot's jobs: see
// Config.Supervisor. It returns the exit code.
func Supervise(args []string) int { return supervisor.Main(args) }

// slot runs one attempt at a time, under a supervisor that is kept between attempts.
type slot struct {
	agent  *Agent
	number int

	mu     sync.Mutex
	client *supervisor.Client // nil: none is connected
	wait   func()             // for the end of a supervisor in this process
	users  int                // attempts of an earlier agent that it ran
}

// connect returns the slot's supervisor, and starts it if there is none.
func (s *slot) connect(ctx context.Context) (*supervisor.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		select {
		case <-s.client.Gone():
			s.leave()
		default:
			return s.client, nil
		}
	}
	if len(s.agent.Supervisor) == 0 {
		here := supervisor.New(s.agent.Clock)
		s.client, s.wait = here.Connect(), here.Wait
		return s.client, nil
	}
	var err error
	s.client, err = supervisor.Start(ctx, s.agent.Supervisor, s.agent.DataDir, s.number)
	return s.client, err
}

// attach connects to the living supervisor that an earlier agent started. Errors:
// supervisor.ErrNone.
func (s *slot) attach(ctx context.Context) (*supervisor.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		return s.client, nil
	}
	var err error
	s.client, err = supervisor.Attach(ctx, s.agent.DataDir, s.number)
	return s.client, err
}

// close leaves the supervisor, which ends when it has nothing to run.
func (s *slot) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leave()
}

func (s *slot) leave() {
	if s.client == nil {
		return
	}
	s.client.Close()
	if s.wait != nil {
		s.wait()
	}
	s.client, s.wait = nil, nil
}

// use notes an attempt of an earlier agent.
func (s *slot) use() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users++
}

// release notes that such an attempt has ended. After the last one it leaves the
// supervisor, which may be of another version, and frees the slot.
func (s *slot) release() {
	s.mu.Lock()
	s.users--
	last := s.users == 0
	if last {
		s.leave()
	}
	s.mu.Unlock()
	if last {
		s.agent.free(s)
	}
}

// fillSlots makes all slots free but those in use, which free themselves later.
func (a *Agent) fillSlots(used map[int]*slot) {
	for n := range a.Slots {
		if used[n] == nil {
			a.free(&slot{agent: a, number: n})
		}
	}
}

// free makes a slot free, unless it is one of an earlier agent that had more.
func (a *Agent) free(s *slot) {
	if s.number < a.Slots {
		a.slots <- s
	} else {
		s.close()
	}
}

// closeSlots leaves all supervisors. No attempt runs.
func (a *Agent) closeSlots() {
	for {
		select {
		case s := <-a.slots:
			s.close()
		default:
			return
		}
	}
}
