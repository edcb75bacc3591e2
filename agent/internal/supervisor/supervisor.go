package supervisor

import (
	"encoding/json"
	"net"
	"sync"
	"time"

	"github.com/errandhq/errand/agent/internal/attemptdir"
	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/internal/process"
)

// Supervisor runs attempts, one at a time, for the agent that is connected.
type Supervisor struct {
	clock      clock.Clock
	owned      sync.WaitGroup // the attempt's goroutines and those of connections
	ownProcess bool           // it is all that its process does

	mu      sync.Mutex
	status  Status
	running *attempt
	next    *Run // waits for the end of running, whose outcome an agent found on disk
	last    bool // this attempt is the last: it left processes that would be the next one's
	agent   *connection

	idleOnce sync.Once
	idle     chan struct{} // closed when neither an attempt runs nor an agent is connected
}

// A connection is one agent's.
type connection struct {
	net.Conn
	changed chan struct{} // has a value when the status has changed
	urgent  chan struct{} // has a value when it must not wait for sendInterval
	closed  chan struct{}
}

// New returns an idle supervisor. clk times leases, timeouts and durations.
func New(clk clock.Clock) *Supervisor {
	return &Supervisor{clock: clk, idle: make(chan struct{})}
}

// Connect returns a client of a supervisor in this process.
func (s *Supervisor) Connect() *Client {
	mine, theirs := net.Pipe()
	s.serve(mine)
	return newClient(theirs)
}

// Wait waits until no attempt runs and no agent is connected.
func (s *Supervisor) Wait() {
	<-s.idle
	s.owned.Wait()
}

// serve makes c the agent's connection, and ends the one before, whose agent is gone.
func (s *Supervisor) serve(c net.Conn) {
	conn := &connection{c, make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{})}
	conn.urgent <- struct{}{}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.agent != nil {
		_ = s.agent.Close()
	}
	s.agent, s.next = conn, nil
	conn.changed <- struct{}{}
	s.owned.Go(func() { s.send(conn) })
	s.owned.Go(func() { s.receive(conn) })
}

// sendInterval is how long a status waits for another, if only the log has grown: most jobs
// are over before.
const sendInterval = 5 * time.Millisecond

// send sends the status whenever it has changed.
func (s *Supervisor) send(c *connection) {
	enc := json.NewEncoder(c)
	for {
		select {
		case <-c.changed:
		case <-c.closed:
			return
		}
		select {
		case <-time.After(sendInterval):
		case <-c.urgent:
		case <-c.closed:
			return
		}
		s.mu.Lock()
		select {
		case <-c.changed: // the status has that, too
		default:
		}
		status, last := s.status, s.last && s.running == nil
		s.mu.Unlock()
		if enc.Encode(status) != nil {
			return // receive reads what the agent sent last, and then the end
		}
		if last {
			_ = c.Close()
			return
		}
	}
}

// receive carries out the agent's requests until it is gone.
func (s *Supervisor) receive(c *connection) {
	defer close(c.closed)
	dec := json.NewDecoder(c)
	for {
		var r Request
		if dec.Decode(&r) != nil {
			_ = c.Close()
			s.leave(c)
			return
		}
		s.handleFrom(c, r)
	}
}

// handleFrom carries out a request of a connection, unless another has replaced it: the
// agent of that one has been told what runs, and nothing else may begin.
func (s *Supervisor) handleFrom(c *connection, r Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.agent == c {
		s.handle(r)
	}
}

func (s *Supervisor) leave(c *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.agent == c {
		s.agent = nil
		s.keep()
		s.checkIdle()
	}
}

// keep makes the outcome durable, if there is one, and no agent that does it.
func (s *Supervisor) keep() {
	if s.agent == nil && s.status.Outcome != nil {
		_ = attemptdir.Dir(s.status.Attempt).Sync() // the agent has said what fails, or will
	}
}

func (s *Supervisor) checkIdle() {
	if s.agent == nil && s.running == nil {
		s.idleOnce.Do(func() { close(s.idle) })
	}
}

// handle carries out a request, under the lock.
func (s *Supervisor) handle(r Request) {
	if r.Run != nil {
		s.start(*r.Run)
	}
	if s.running == nil {
		return
	}
	if r.Lease != nil {
		s.running.deadline.set(*r.Lease)
	}
	if r.End != nil {
		s.running.cancel(&endError{*r.End})
	}
}

func (s *Supervisor) start(r Run) {
	if s.last || s.running != nil && s.running.Attempt == r.Attempt {
		return
	}
	if s.running != nil {
		s.next = &r
		return
	}
	s.status = Status{Attempt: r.Attempt}
	s.running = newAttempt(s, r)
	s.owned.Go(s.running.run)
}

// update changes the status.
func (s *Supervisor) update(f func(*Status)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.status)
	s.tell()
}

func (s *Supervisor) tell() {
	if s.agent == nil {
		return
	}
	select {
	case s.agent.changed <- struct{}{}:
	default:
	}
}

// ended notes the outcome of the attempt.
func (s *Supervisor) ended(out *attemptdir.Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = nil
	s.status.Log, s.status.Outcome = out.End, out
	s.last = process.HasOrphans()
	s.tell()
	if s.agent != nil {
		select {
		case s.agent.urgent <- struct{}{}:
		default:
		}
	}
	s.keep()
	if s.next != nil && s.agent != nil && !s.last {
		next := *s.next
		s.next = nil
		s.start(next)
	}
	s.checkIdle()
}

// ask tells the agent that the lease has ended while the machine was suspended. It
// returns false if no agent is there.
func (s *Supervisor) ask() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.Asks++
	s.tell()
	return s.agent != nil
}

// endError is the cause of a context's end that the agent asked for.
type endError struct{ End }

func (e *endError) Error() string { return e.End.Error }
