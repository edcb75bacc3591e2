package supervisor

import (
	"encoding/json"
	"errors"
	"net"
	"sync"
	"time"
)

// A Client is the agent's side of a connection. It is safe for concurrent use.
type Client struct {
	conn    net.Conn
	changed chan struct{}   // has a value when the status has changed
	gone    chan struct{}   // closed when the connection has ended
	exited  <-chan struct{} // closed at the end of the process; nil if this one didn't start it

	mu     sync.Mutex
	status Status

	writing sync.Mutex
	enc     *json.Encoder
}

func newClient(conn net.Conn) *Client {
	c := &Client{conn: conn, changed: make(chan struct{}, 1), gone: make(chan struct{}), enc: json.NewEncoder(conn)}
	go c.receive()
	return c
}

func (c *Client) receive() {
	defer close(c.gone)
	dec := json.NewDecoder(c.conn)
	for {
		var s Status
		if dec.Decode(&s) != nil {
			_ = c.conn.Close()
			return
		}
		c.mu.Lock()
		c.status = s
		c.mu.Unlock()
		select {
		case c.changed <- struct{}{}:
		default:
		}
	}
}

// Status returns the last status that came.
func (c *Client) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

// Changed returns a channel that has a value after a change of the status.
func (c *Client) Changed() <-chan struct{} { return c.changed }

// Gone returns a channel that is closed when the supervisor has ended.
func (c *Client) Gone() <-chan struct{} { return c.gone }

// errGone: the supervisor has ended.
var errGone = errors.New("the supervisor has ended")

// Send sends a request. After an error Gone is closed, or will be.
func (c *Client) Send(r Request) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.enc.Encode(r) != nil {
		_ = c.conn.Close()
		return errGone
	}
	return nil
}

// exitTime limits how long an idle supervisor may take to exit.
const exitTime = 2 * time.Second

// Close leaves the supervisor. It ends if it is idle, and Close waits for that if this
// process started it.
func (c *Client) Close() {
	_ = c.conn.Close()
	<-c.gone
	if c.exited == nil || c.Status().running() {
		return
	}
	limit := time.NewTimer(exitTime)
	defer limit.Stop()
	select {
	case <-c.exited:
	case <-limit.C:
	}
}
