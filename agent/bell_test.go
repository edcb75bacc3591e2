package agent_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent"
)

// bellServer is a server with a bell that doesn't hold polls.
type bellServer struct {
	*server
	pulls chan chan string // a worker waits: what it is answered, "" for an error
}

func newBellServer(t *testing.T) *bellServer {
	b := &bellServer{newServer(t), make(chan chan string)}
	b.pollWait = 0
	b.heartbeat = 10 * time.Second // by the agent's clock, which tests hold
	b.bell = &errand.Bell{URLs: []string{"/bell/default"}, PollIntervalMs: 300_000}
	b.before = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/bell/") {
			return false
		}
		if got := r.Header.Get("Authorization"); got != "" {
			t.Errorf("the bell was shown the token %q", got)
		}
		answer := make(chan string)
		select {
		case b.pulls <- answer:
		case <-r.Context().Done():
			return true
		}
		select {
		case text := <-answer:
			if text == "" {
				w.WriteHeader(http.StatusNotFound)
			}
			fmt.Fprint(w, text)
		case <-r.Context().Done():
		}
		return true
	}
	return b
}

func (b *bellServer) waiter() chan string {
	b.t.Helper()
	select {
	case w := <-b.pulls:
		return w
	case <-time.After(patience):
		b.t.Fatal("nobody waits at the bell")
		return nil
	}
}

// TestRing: the agent polls immediately after a ring.
func TestRing(t *testing.T) {
	for _, form := range []string{
		"<ReceiveMessageResponse><ReceiveMessageResult><Message><Body>errand-ring</Body></Message></ReceiveMessageResult></ReceiveMessageResponse>",
		`{"Messages":[{"Body":"errand-ring"}]}`,
	} {
		s := newBellServer(t)
		s.run(func(c *agent.Config) { c.Clock = newManual() })
		w := s.waiter()
		if n := len(s.polled()); n != 1 {
			t.Errorf("%d polls before the wait, want 1", n)
		}
		s.give(s.job("true"))
		w <- form
		s.result()
		if n := len(s.polled()); n < 2 {
			t.Errorf("%d polls, want 2", n)
		}
	}
}

// TestRingInVain: if a poll after a ring returns no job, the agent polls twice more,
// and then waits for the next ring.
func TestRingInVain(t *testing.T) {
	s, clock := newBellServer(t), newManual()
	s.run(func(c *agent.Config) { c.Clock = clock })
	s.waiter() <- "errand-ring"
	s.await("a look", func() bool { return len(s.polls) == 2 })
	for n := 3; n <= 4; n++ {
		eventually(t, "another look", func() bool {
			clock.Advance(100 * time.Millisecond)
			return len(s.polled()) == n
		})
	}
	w := s.waiter()
	if n := len(s.polled()); n != 4 {
		t.Errorf("%d polls, want 4", n)
	}
	close(w)
}

// TestNoRing: without a ring the agent keeps waiting, and polls when the interval is
// over.
func TestNoRing(t *testing.T) {
	s, clock := newBellServer(t), newManual()
	s.run(func(c *agent.Config) { c.Clock = clock })
	w := s.waiter()
	for range 3 {
		clock.Advance(20 * time.Second)
		w <- "<ReceiveMessageResponse/>"
		eventually(t, "the agent waits again", func() bool {
			clock.Advance(100 * time.Millisecond)
			select {
			case w = <-s.pulls:
				return true
			default:
				return false
			}
		})
	}
	if n := len(s.polled()); n != 1 {
		t.Errorf("%d polls though nothing rang, want 1", n)
	}
	s.give(s.job("true"))
	clock.Advance(5 * time.Minute)
	w <- "<ReceiveMessageResponse/>"
	s.result()
}

// TestBrokenBell: a bell that is missing or responds with something else isn't used
// for a while. Meanwhile the agent polls at the server's interval.
func TestBrokenBell(t *testing.T) {
	for name, text := range map[string]string{"missing": "", "answers at once": "<html>welcome</html>"} {
		t.Run(name, func(t *testing.T) {
			s, clock := newBellServer(t), newManual()
			s.run(func(c *agent.Config) { c.Clock = clock })
			s.waiter() <- text
			s.give(s.job("true"))
			eventually(t, "the agent asks", func() bool {
				clock.Advance(10 * time.Millisecond)
				return len(s.polled()) > 1
			})
			s.result()
			select {
			case <-s.pulls:
				t.Error("the bell was tried again at once")
			default:
			}
			eventually(t, "the bell is tried again", func() bool {
				clock.Advance(time.Second)
				select {
				case w := <-s.pulls:
					close(w)
					return true
				default:
					return false
				}
			})
		})
	}
}

// TestBellsOfQueues: the agent waits for the bells of all its queues.
func TestBellsOfQueues(t *testing.T) {
	s := newBellServer(t)
	s.bell.URLs = []string{s.URL + "/bell/a", "/bell/b"}
	s.run(func(c *agent.Config) { c.Clock = newManual() })
	s.waiter()
	w := s.waiter()
	s.give(s.job("true"))
	w <- "errand-ring"
	s.result()
}
