package callserver

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener whose connections are net.Pipes, for synctest.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	if c, ok := <-p.conns; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.conns) }); return nil }
func (p *pipes) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

// inBubble runs f in a synctest bubble.
func inBubble(t *testing.T, f func(b *bubble)) {
	synctest.Test(t, func(t *testing.T) {
		b := &bubble{T: t, pipes: &pipes{conns: make(chan net.Conn)}, served: make(chan error)}
		f(b)
		if err := b.server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-b.served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
}

type bubble struct {
	*testing.T
	server *Server
	pipes  *pipes
	served chan error
}

// serve starts a server, whose heads must come within ten seconds.
func (b *bubble) serve(h http.HandlerFunc) {
	b.server = New(&http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ErrorLog: quiet})
	go func() { b.served <- b.server.Serve(b.pipes) }()
}

func (b *bubble) dial() *client {
	near, far := net.Pipe()
	b.pipes.conns <- far
	c := &client{t: b.T, conn: near, answers: make(chan string)}
	go c.read()
	return c
}

// A client reads answers as they come. When the connection has ended, answers
// is closed.
type client struct {
	t       *testing.T
	conn    net.Conn
	answers chan string
	last    bool // the latest answer says that the connection ends
}

func (c *client) read() {
	defer close(c.answers)
	r := bufio.NewReader(c.conn)
	for {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return
		}
		c.last = resp.Close
		c.answers <- string(body)
	}
}

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, text); err != nil {
		c.t.Error(err)
	}
}

func (c *client) wants(answer string) {
	c.t.Helper()
	if got, ok := <-c.answers; !ok || got != answer {
		c.t.Errorf("the answer is %q (%v), want %q", got, ok, answer)
	}
}

func (c *client) ended() bool {
	synctest.Wait()
	select {
	case _, ok := <-c.answers:
		return !ok
	default:
		return false
	}
}

func (c *client) wantsEnd() {
	c.t.Helper()
	if !c.ended() {
		c.t.Error("the connection goes on")
	}
}

func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	_, _ = w.Write(body)
}

// TestPieces: calls come in pieces of any size, or several at once.
func TestPieces(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.serve(echo)
		c := b.dial()
		for i := range callOf("Echo", "by bytes") {
			c.send(callOf("Echo", "by bytes")[i : i+1])
		}
		c.wants("by bytes")
		c.send(callOf("Echo", "one") + callOf("Echo", "two") + callOf("Echo", "three")[:50])
		c.wants("one")
		c.wants("two")
		c.send(callOf("Echo", "three")[50:])
		c.wants("three")
		long := strings.Repeat("x", 3*keptRoom)
		for range 2 {
			c.send(callOf("Echo", long))
			c.wants(long)
		}
		c.send("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nrest" + callOf("Echo", "after it"))
		c.wants("rest")
		c.wants("after it")
		_ = c.conn.Close()
	})
}

// TestTimes: a head must come in time, bodies and next calls needn't.
func TestTimes(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.serve(echo)
		silent, halting, slow := b.dial(), b.dial(), b.dial()
		slow.send(callOf("Echo", "first"))
		slow.wants("first")
		halting.send(callOf("Echo", "first"))
		halting.wants("first")
		time.Sleep(time.Hour)
		silent.wantsEnd()
		text := callOf("Echo", "body")
		slow.send(text[:len(text)-2])
		halting.send(text[:len(text)-6])
		time.Sleep(9 * time.Second)
		if halting.ended() {
			b.Error("a head was given less than ten seconds")
		}
		time.Sleep(time.Hour)
		halting.wantsEnd()
		slow.send(text[len(text)-2:])
		slow.wants("body")
		_ = slow.conn.Close()
	})
}

// TestClientGoes: a handler that waits learns that its client has gone, and
// may go on to wait with contexts of its own. What the client sends meanwhile
// is the next call.
func TestClientGoes(t *testing.T) {
	inBubble(t, func(b *bubble) {
		gone, release := make(chan error, 1), make(chan struct{})
		b.serve(func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithTimeout(r.Context(), time.Hour)
			defer cancel()
			select {
			case <-ctx.Done():
				gone <- context.Cause(ctx)
			case <-release:
				echo(w, r)
			}
		})
		leaves, stays := b.dial(), b.dial()
		stays.send(callOf("Wait", "first"))
		go stays.send(callOf("Wait", "second")) // a pipe has no room
		leaves.send(callOf("Wait", ""))
		synctest.Wait()
		_ = leaves.conn.Close()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			b.Errorf("the context ended with %v", err)
		}
		release <- struct{}{}
		stays.wants("first")
		release <- struct{}{}
		stays.wants("second")
		_ = stays.conn.Close()
	})
}

// TestContextAfterwards: who keeps a call's context sees it end with the call,
// whether or not anybody had asked for it before.
func TestContextAfterwards(t *testing.T) {
	inBubble(t, func(b *bubble) {
		kept := make(chan context.Context, 1)
		b.serve(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Amz-Target") == "Asks" {
				_ = r.Context().Done()
			}
			if err := r.Context().Err(); err != nil {
				b.Error(err)
			}
			kept <- r.Context()
			echo(w, r)
		})
		c := b.dial()
		for _, target := range []string{"Asks", "DoesNot", "Asks"} {
			c.send(callOf(target, target))
			c.wants(target)
			ctx := <-kept
			<-ctx.Done()
			if ctx.Value(http.LocalAddrContextKey) == nil || ctx.Value(http.ServerContextKey) == nil {
				b.Error("the context has lost a value")
			}
			if !errors.Is(ctx.Err(), context.Canceled) {
				b.Error(ctx.Err())
			}
		}
		_ = c.conn.Close()
	})
}

// TestShutdown: it ends idle connections, waits for what is under way, here and
// in net/http, and serves nothing after it.
func TestShutdown(t *testing.T) {
	inBubble(t, func(b *bubble) {
		release := make(chan struct{})
		b.serve(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Wait") != "" {
				<-release
			}
			echo(w, r)
		})
		idle, fresh, busy, rest := b.dial(), b.dial(), b.dial(), b.dial()
		idle.send(callOf("Echo", "idle"))
		idle.wants("idle")
		busy.send(callOf("Echo", "busy", "Wait: 1\r\n"))
		rest.send("PUT / HTTP/1.1\r\nHost: a\r\nWait: 1\r\nContent-Length: 4\r\n\r\nrest")
		synctest.Wait()
		over := make(chan error, 1)
		go func() { over <- b.server.Shutdown(b.Context()) }()
		idle.wantsEnd()
		fresh.wantsEnd()
		select {
		case err := <-over:
			b.Errorf("it didn't wait: %v", err)
		default:
		}
		close(release)
		busy.wants("busy")
		rest.wants("rest")
		if !busy.last || !rest.last {
			b.Error("a client isn't told to use another connection")
		}
		if err := <-over; err != nil {
			b.Error(err)
		}
		busy.wantsEnd()
		rest.wantsEnd()
	})
}

// TestShutdownInVain: with a handler that doesn't end, it gives up with its
// context, and Close ends the connection.
func TestShutdownInVain(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.serve(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		c := b.dial()
		c.send(callOf("Wait", ""))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(b.Context(), time.Second)
		defer cancel()
		if err := b.server.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			b.Error(err)
		}
		if err := b.server.Close(); err != nil {
			b.Error(err)
		}
		c.wantsEnd()
	})
}

// hiccups fails to accept, now and then.
type hiccups struct {
	net.Listener
	left int
}

func (h *hiccups) Accept() (net.Conn, error) {
	if h.left--; h.left >= 0 {
		return nil, hiccup{}
	}
	return h.Listener.Accept()
}

type hiccup struct{}

func (hiccup) Error() string   { return "too many open files" }
func (hiccup) Temporary() bool { return true }

// TestAcceptAgain: running out of file descriptors isn't the end.
func TestAcceptAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(&http.Server{Handler: http.HandlerFunc(echo), ErrorLog: quiet})
		l := &pipes{conns: make(chan net.Conn)}
		go func() { _ = s.Serve(&hiccups{l, 20}) }()
		near, far := net.Pipe()
		l.conns <- far
		c := &client{t: t, conn: near, answers: make(chan string)}
		go c.read()
		c.send(callOf("Echo", "hello"))
		c.wants("hello")
		_ = near.Close()
		_ = s.Close()
		broken := errors.New("broken")
		s = New(&http.Server{})
		if err := s.Serve(failing{l, broken}); !errors.Is(err, broken) {
			t.Errorf("a listener's failure is reported as %v", err)
		}
		_ = s.Close()
	})
}

type failing struct {
	net.Listener
	err error
}

func (f failing) Accept() (net.Conn, error) { return nil, f.err }

// TestRoom: a connection keeps little between calls, however large they were,
// and a call that is only announced takes little.
func TestRoom(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.serve(echo)
		c := b.dial()
		long := strings.Repeat("x", maxCall/2)
		c.send(callOf("Echo", long))
		c.wants(long)
		b.wantsRoom(readRoom)
		text := callOf("Echo", long)
		c.send(text[:len(text)-len(long)])
		b.wantsRoom(keptRoom)
		c.send(long)
		c.wants(long)
		_ = c.conn.Close()
	})
}

// wantsRoom holds the only connection, which waits for its client, to a size.
func (b *bubble) wantsRoom(most int) {
	b.Helper()
	synctest.Wait()
	for c := range b.server.conns {
		if got := cap(c.in); got > most {
			b.Errorf("a waiting connection has %d bytes, want at most %d", got, most)
		}
	}
}

// TestHandlerEndsGoroutine, as t.FailNow does: its connection ends.
func TestHandlerEndsGoroutine(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.serve(func(http.ResponseWriter, *http.Request) { runtime.Goexit() })
		c := b.dial()
		c.send(callOf("Echo", "hello"))
		c.wantsEnd()
	})
}

// failsOnce is a connection of which one write fails.
type failsOnce struct {
	net.Conn
	failed bool
}

func (f *failsOnce) Write(p []byte) (int, error) {
	if !f.failed {
		f.failed = true
		return 0, errors.New("no buffer space available")
	}
	return f.Conn.Write(p)
}

// TestWriteFails: what comes after half an answer would be taken for the rest.
func TestWriteFails(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.serve(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			_, _ = io.WriteString(w, "some")
			w.(http.Flusher).Flush()
			_, _ = io.WriteString(w, " more")
		})
		near, far := net.Pipe()
		b.pipes.conns <- &failsOnce{Conn: far}
		c := &client{t: b.T, conn: near, answers: make(chan string)}
		go c.read()
		c.send(callOf("Echo", "hello"))
		c.wantsEnd()
	})
}

// TestShutdownAtOnce: a Shutdown that comes before Serve, or with it, ends it.
func TestShutdownAtOnce(t *testing.T) {
	for range 100 {
		s, l := New(newRest()), &pipes{conns: make(chan net.Conn)}
		served := make(chan error)
		go func() { served <- s.Serve(l) }()
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}
}
