package callserver

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"
)

const (
	// readRoom is what a connection begins with. It holds most calls.
	readRoom = 4 << 10
	// maxCall is what a call, head and body, may take. Longer ones are handed over.
	maxCall = 1 << 20
	// keptRoom is how much room a connection keeps from one call to the next.
	keptRoom = 64 << 10
)

// What a connection is doing.
const (
	idle   = iota // between calls; Shutdown may close it
	busy          // with a call
	closed        // by Shutdown
)

type conn struct {
	server *Server
	rwc    net.Conn
	base   context.Context // of all its calls
	remote string
	state  atomic.Int32

	in    []byte // read and not yet used
	ahead []byte // read during a call, after all of that
	out   []byte // room for answers' heads
	held  []byte // room for their bodies

	head    head
	blank   http.Request // calls begin as copies of it
	header  http.Header  // the handlers'
	limited bool         // by a read deadline
	between bool         // a call was served, and the next hasn't begun
	handed  bool         // to net/http, which closes it
}

func newConn(s *Server, rwc net.Conn) *conn {
	base := context.WithValue(context.Background(), http.ServerContextKey, s.rest)
	return &conn{
		server: s, rwc: rwc, remote: rwc.RemoteAddr().String(),
		base:   context.WithValue(base, http.LocalAddrContextKey, rwc.LocalAddr()),
		in:     make([]byte, 0, readRoom),
		header: http.Header{},
	}
}

// serve serves calls until the connection ends, or isn't for calls.
func (c *conn) serve() {
	defer c.end()
	c.limit() // a client that never says anything is ended
	for {
		switch c.next() {
		case foreign:
			c.handOver()
			return
		case gone:
			return
		}
		if !c.state.CompareAndSwap(idle, busy) {
			return // Shutdown has closed it
		}
		if !c.answer() {
			return
		}
		c.state.Store(idle)
		if c.server.closing.Load() {
			return
		}
	}
}

// end closes the connection if it is still this server's. It is deferred: a
// handler may end its goroutine.
func (c *conn) end() {
	c.server.forget(c)
	if !c.handed {
		c.close()
	}
}

// What became of waiting for a call.
const (
	partial = iota // there isn't all of it yet
	whole
	foreign // it is something else
	gone    // the client is
)

// next waits until a call stands at the beginning of c.in.
func (c *conn) next() (outcome int) {
	c.head.reset()
	if c.begun() {
		outcome = c.head.parse(c.in)
	}
	for outcome == partial {
		if !c.room(c.head.size()) {
			return foreign
		}
		if !c.between && c.head.length == 0 {
			c.limit()
		}
		n, err := c.rwc.Read(c.in[len(c.in):cap(c.in)])
		if n == 0 && err != nil {
			return gone
		}
		c.in = c.in[:len(c.in)+n]
		if !c.begun() {
			continue
		}
		outcome = c.head.parse(c.in)
		if c.head.length > 0 {
			c.unlimit() // bodies may take their time
		}
	}
	return outcome
}

// begins is from how many bytes on net/http, after another call, takes what
// comes for the next one, but for line ends among them: old clients send those
// after a body.
const begins = 4

// begun reports whether there is something to be read as a call.
func (c *conn) begun() bool {
	if c.between {
		if len(c.in) < begins {
			return false
		}
		c.between = false
		stray := begins - len(bytes.TrimLeft(c.in[:begins], "\r\n"))
		c.in = append(c.in[:0], c.in[stray:]...)
	}
	return len(c.in) > 0
}

// room makes room for more of a call of that size, or of one whose size isn't
// known yet (0), unless that would be too much. A large one gets room as it
// comes: to announce it costs a client nothing.
func (c *conn) room(size int) bool {
	want := cap(c.in)
	switch full := len(c.in) == want; {
	case size > maxCall:
		return false
	case size == 0 && full:
		want *= 2
	case size > keptRoom && full:
		want = min(size, max(4*want, keptRoom))
	default:
		want = max(want, min(size, keptRoom))
	}
	if want > cap(c.in) {
		c.in = append(make([]byte, 0, want), c.in...)
	}
	return true
}

// used drops what the last call took, and room that few calls need.
func (c *conn) used(n int) {
	rest := c.in[n:]
	if cap(c.in) > keptRoom && len(rest) < readRoom {
		c.in = make([]byte, 0, readRoom)
	}
	c.in = append(append(c.in[:0], rest...), c.ahead...)
	c.ahead = nil
	c.between = true
	if cap(c.held) > keptRoom {
		c.held = nil
	}
}

// answer runs the handler. It reports whether the connection can go on.
func (c *conn) answer() (goOn bool) {
	x := newCall(c)
	defer c.used(c.head.size())
	defer x.end()
	defer func() {
		if v := recover(); v != nil {
			goOn = false
			if v != http.ErrAbortHandler { //nolint:errorlint // it is thrown as it is
				c.server.logf("callserver: panic serving %s: %v\n%s", c.remote, v, debug.Stack())
			}
		}
	}()
	c.server.rest.Handler.ServeHTTP(x, x.request())
	return x.finish()
}

// handOver gives the connection to net/http.
func (c *conn) handOver() {
	c.unlimit()
	c.server.forget(c)
	if !c.state.CompareAndSwap(idle, busy) {
		return // Shutdown has closed it
	}
	c.handed = true
	c.server.handed.give(&begunConn{Conn: c.rwc, read: c.in})
}

// limit ends the connection unless a head is there in time.
func (c *conn) limit() {
	if d := c.server.rest.ReadHeaderTimeout; d > 0 && !c.limited {
		c.limited = true
		_ = c.rwc.SetReadDeadline(time.Now().Add(d))
	}
}

func (c *conn) unlimit() {
	if c.limited {
		c.limited = false
		_ = c.rwc.SetReadDeadline(time.Time{})
	}
}

// close ends the connection, whatever it is doing.
func (c *conn) close() { _ = c.rwc.Close() }

// closeIdle ends it if it waits for a call.
func (c *conn) closeIdle() {
	if c.state.CompareAndSwap(idle, closed) {
		_ = c.rwc.Close()
	}
}

// readAhead waits for what comes after the call under way. It reports whether
// that is the connection's end.
func (c *conn) readAhead() (ended bool) {
	var next [1]byte
	n, err := c.rwc.Read(next[:])
	if n > 0 {
		c.ahead = append(c.ahead, next[:n]...)
		return false
	}
	return !errors.Is(err, os.ErrDeadlineExceeded)
}
