package supervisor

import (
	"net"
	"testing"

	"github.com/errandhq/errand/internal/clock"
)

// TestReplacedConnection: what an agent sent before another replaced it is carried out
// only if the other has been told.
func TestReplacedConnection(t *testing.T) {
	t.Parallel()
	s := New(clock.Real())
	dir := t.TempDir()
	connect := func() (*connection, *Client) {
		mine, theirs := net.Pipe()
		s.serve(mine)
		return s.agent, newClient(theirs)
	}
	first, _ := connect()
	_, client := connect()
	<-client.Changed()
	s.handleFrom(first, Request{Run: &Run{Attempt: dir}})
	s.mu.Lock()
	if s.running != nil || s.status.Attempt != "" {
		t.Errorf("the attempt of a replaced connection runs: %+v", s.status)
	}
	s.mu.Unlock()
	client.Close()
	s.Wait()
}
