// Package callserver serves HTTP/1.1 to clients that send one small call after
// another on a connection, as those of AWS's JSON protocols do: POST / with an
// X-Amz-Target. It takes a third of what net/http's server takes for one.
//
// Everything else is net/http's: at the first request of another kind, the
// connection is handed over to an http.Server, with all that was read of it and
// for good. So is what isn't certainly well-formed: on that, too, there is only
// net/http's opinion.
//
// A handler meets what it meets in net/http, but for these: 1xx answers and
// trailers aren't sent, a connection can't be hijacked, and a call whose body
// never comes whole isn't the handler's. What a handler was given is its own
// while it runs, and no longer: a connection's calls share the answers' header.
package callserver

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// A Server serves calls itself and hands the rest over.
type Server struct {
	rest   *http.Server
	handed *handed
	date   dateCache

	closing atomic.Bool
	mu      sync.Mutex
	accepts net.Listener // nil until Serve
	conns   map[*conn]struct{}
	serving sync.WaitGroup // goroutines of connections, and of rest
}

// New returns a server that serves calls as rest would, with its Handler,
// ReadHeaderTimeout and ErrorLog, and passes other connections on to it.
func New(rest *http.Server) *Server {
	return &Server{rest: rest, handed: newHanded(), conns: map[*conn]struct{}{}}
}

// Serve accepts connections until Shutdown or Close, and returns
// http.ErrServerClosed then. It closes l. It is called once. Errors: those of
// accepting.
func (s *Server) Serve(l net.Listener) error {
	defer func() { _ = l.Close() }()
	s.open(l)
	wait := time.Duration(0)
	for !s.closing.Load() {
		c, err := l.Accept()
		switch {
		case err == nil:
			wait = 0
			s.begin(c)
		case s.closing.Load():
		case !temporary(err):
			return err
		default: // out of file descriptors, say: some will be closed
			wait = min(max(2*wait, 5*time.Millisecond), time.Second)
			s.logf("callserver: accept: %v; trying again in %v", err, wait)
			time.Sleep(wait)
		}
	}
	return http.ErrServerClosed
}

// open begins to serve, unless there was a Shutdown or Close: those wait for
// what has begun, and for nothing that comes after them.
func (s *Server) open(l net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		return
	}
	s.accepts, s.handed.addr = l, l.Addr()
	s.serving.Go(func() { _ = s.rest.Serve(s.handed) })
}

func temporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

func (s *Server) begin(rwc net.Conn) {
	c := newConn(s, rwc)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		_ = rwc.Close()
		return
	}
	s.conns[c] = struct{}{}
	s.serving.Go(c.serve)
}

// forget takes a connection out of those that are served here. Afterwards
// somebody else closes it.
func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

// Shutdown accepts no more, closes connections that are idle, and returns when
// the calls and requests under way are answered, or with ctx's error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stop((*conn).closeIdle)
	err := s.rest.Shutdown(ctx)
	over := make(chan struct{})
	go func() { s.serving.Wait(); close(over) }()
	select {
	case <-over:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close ends all connections at once. It doesn't wait for their handlers.
func (s *Server) Close() error {
	s.stop((*conn).close)
	return s.rest.Close()
}

func (s *Server) stop(each func(*conn)) {
	s.closing.Store(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.accepts != nil {
		_ = s.accepts.Close()
	}
	s.handed.stop()
	for c := range s.conns {
		each(c)
	}
}

func (s *Server) logf(format string, args ...any) {
	if s.rest.ErrorLog != nil {
		s.rest.ErrorLog.Printf(format, args...)
		return
	}
	log.Printf(format, args...)
}

// A dateCache is the Date header's value, made once a second.
type dateCache struct{ at atomic.Pointer[httpDate] }

type httpDate struct {
	second int64
	text   string
}

func (d *dateCache) now() string {
	t := time.Now()
	last := d.at.Load()
	if last == nil || last.second != t.Unix() {
		last = &httpDate{t.Unix(), t.UTC().Format(http.TimeFormat)}
		d.at.Store(last)
	}
	return last.text
}
