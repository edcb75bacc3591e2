// Package httplimit bounds what the clients of an http.Server hold: connections, and
// the time that a request's body takes.
package httplimit

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// HeadTimeout is how long a client may take to send the head of a request.
const HeadTimeout = 10 * time.Second

// idleTimeout is how long a connection is kept without a request.
const idleTimeout = 2 * time.Minute

// silentGrace is how long a connection may take to send a request's head while others
// wait to be accepted.
const silentGrace = time.Second

// Connections is a limit on a server's connections. A connection beyond it waits until
// another one closes. A connection that no request uses is closed for it: first those
// that were kept for a next request, then those that haven't sent one for a second.
type Connections struct {
	limit int

	mu      sync.Mutex
	open    map[net.Conn]*connection
	changed chan struct{} // closed, and replaced, when a connection closes or becomes unused
}

// connection is an open connection; under Connections.mu.
type connection struct {
	requests int       // in their handlers
	kept     bool      // for a next request
	since    time.Time // when the last request ended, or its head began
}

// NewConnections returns a limit of at least 1. 0 is DefaultConnections.
func NewConnections(limit int) *Connections {
	if limit == 0 {
		limit = DefaultConnections()
	}
	return &Connections{limit: limit, open: map[net.Conn]*connection{}, changed: make(chan struct{})}
}

// Limit is the most connections at a time.
func (c *Connections) Limit() int { return c.limit }

// Configure makes the server keep to the limit, with the deadlines of heads and
// bodies. The server must be served on listeners from Listen.
func (c *Connections) Configure(s *http.Server) {
	s.Handler = c.handler(s.Handler)
	s.ReadHeaderTimeout = HeadTimeout
	s.IdleTimeout = idleTimeout
	s.ConnState = c.note
	s.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, conn)
	}
}

type connKey struct{}

// Listen returns a listener that accepts connections of ln as the limit allows. Its
// connections must be those that the server gets.
func (c *Connections) Listen(ln net.Listener) net.Listener {
	return &listener{Listener: ln, connections: c, closed: make(chan struct{})}
}

type listener struct {
	net.Listener
	connections *Connections
	closing     sync.Once
	closed      chan struct{}
}

// Accept implements net.Listener. One connection beyond the limit may be accepted, and
// waits here; the others wait in the operating system's queue.
func (l *listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if !l.connections.admit(conn, l.closed) {
		_ = conn.Close() // nobody has read from it
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (l *listener) Close() error {
	l.closing.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// admit adds conn to the open connections as soon as there are fewer than the limit.
// It returns false if closed is closed before.
func (c *Connections) admit(conn net.Conn, closed <-chan struct{}) bool {
	for {
		victim, wait, changed := c.tryAdmit(conn)
		switch {
		case changed == nil:
			return true
		case victim != nil:
			_ = victim.Close() // frees its descriptor, also if the client is gone
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-changed:
		case <-timer.C:
		case <-closed:
			timer.Stop()
			return false
		}
		timer.Stop()
	}
}

// tryAdmit adds conn, or removes a victim that the caller must close, or returns how
// long to wait and what to wait for. changed is nil if conn was added.
func (c *Connections) tryAdmit(conn net.Conn) (victim net.Conn, wait time.Duration, changed <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if len(c.open) < c.limit {
		c.open[conn] = &connection{since: now}
		return nil, 0, nil
	}
	victim, wait = c.longestUnused(now)
	if victim != nil {
		delete(c.open, victim)
	}
	return victim, wait, c.changed
}

// longestUnused returns the connection that has been unused for longest, or how long to
// wait until there may be one.
func (c *Connections) longestUnused(now time.Time) (victim net.Conn, wait time.Duration) {
	wait = HeadTimeout
	var longest *connection
	for conn, x := range c.open {
		if x.requests > 0 {
			continue
		}
		if left := silentGrace - now.Sub(x.since); !x.kept && left > 0 {
			wait = min(wait, left)
			continue
		}
		if longest == nil || x.kept && !longest.kept || x.kept == longest.kept && x.since.Before(longest.since) {
			victim, longest = conn, x
		}
	}
	return victim, wait
}

// note is the server's ConnState.
func (c *Connections) note(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	x := c.open[conn]
	if x == nil {
		return // it was closed for another one
	}
	switch state {
	case http.StateClosed, http.StateHijacked:
		delete(c.open, conn)
		c.wake()
	case http.StateIdle:
		x.kept, x.since = true, time.Now()
		c.wake()
	case http.StateActive:
		x.kept, x.since = false, time.Now()
	case http.StateNew:
	}
}

func (c *Connections) wake() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// handler counts the requests of each connection, and bounds the time of their bodies.
func (c *Connections) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _ := r.Context().Value(connKey{}).(net.Conn)
		c.use(conn, 1)
		defer c.use(conn, -1)
		b := newBody(w, r)
		if b != nil {
			limited := *r
			limited.Body = b
			r = &limited
		}
		next.ServeHTTP(w, r)
		b.leave()
	})
}

func (c *Connections) use(conn net.Conn, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	x := c.open[conn]
	if x == nil {
		return
	}
	x.requests += n
	if x.requests == 0 {
		x.since = time.Now()
		c.wake()
	}
}
