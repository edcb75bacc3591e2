package httplimit_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/errandhq/errand/internal/httplimit"
)

// pipes is a listener of connections in memory, whose deadlines are of the test's time.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error {
	close(p.closed)
	return nil
}

func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// serve serves h with the limit; dial connects to it.
func serve(t *testing.T, limit int, h http.HandlerFunc) (dial func() net.Conn) {
	t.Helper()
	p := pipes{make(chan net.Conn, 100), make(chan struct{})}
	connections := httplimit.NewConnections(limit)
	server := &http.Server{Handler: h}
	connections.Configure(server)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(connections.Listen(p))
	}()
	var clients []net.Conn
	t.Cleanup(func() {
		for _, c := range clients {
			_ = c.Close()
		}
		_ = server.Close()
		<-done
	})
	return func() net.Conn {
		client, conn := net.Pipe()
		clients = append(clients, client)
		p.conns <- conn
		return client
	}
}

// send writes without waiting for the server to read.
func send(c net.Conn, text string) { go func() { _, _ = io.WriteString(c, text) }() }

func get(c net.Conn, path string) { send(c, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n") }

// status reads a response; 0 if the connection is closed instead.
func status(c net.Conn) int {
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

func hold(_ http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/hold" {
		time.Sleep(time.Minute)
	}
}

// TestKeptConnectionsGoFirst: a new connection beyond the limit is served at once if
// another is kept without a request, and after the requests of the others if not.
func TestKeptConnectionsGoFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dial := serve(t, 2, hold)
		kept, held := dial(), dial()
		get(held, "/hold")
		get(kept, "/")
		if got := status(kept); got != 200 {
			t.Fatalf("status %d", got)
		}
		synctest.Wait()
		began := time.Now()
		third := dial()
		get(third, "/hold")
		synctest.Wait()
		if n, err := kept.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
			t.Errorf("the kept connection is open: %d, %v", n, err)
		}
		fourth := dial()
		get(fourth, "/")
		if got := status(held); got != 200 {
			t.Errorf("held request: status %d", got)
		}
		if got, waited := status(fourth), time.Since(began); got != 200 || waited != time.Minute {
			t.Errorf("beyond the limit: status %d after %s, want 200 after 1m0s", got, waited)
		}
	})
}

// TestSilentConnectionsGoNext: connections that send no complete head are closed for
// others after a second.
func TestSilentConnectionsGoNext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dial := serve(t, 2, hold)
		dial()
		send(dial(), "GET / HTTP/1.1\r\nHo")
		synctest.Wait()
		began := time.Now()
		honest := dial()
		get(honest, "/")
		if got, waited := status(honest), time.Since(began); got != 200 || waited > time.Second {
			t.Errorf("status %d after %s, want 200 within 1s", got, waited)
		}
	})
}

// TestBodyDeadlines: a body that stops or trickles is given up; one that goes on isn't,
// and neither is the request of a body that has ended.
func TestBodyDeadlines(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		chunk int
		every time.Duration
		times int
		want  time.Duration // until the body failed; 0: it didn't
	}{
		{"stops", 1, 0, 1, 20 * time.Second},
		{"trickles", 1, 5 * time.Second, 100, 20 * time.Second},
		{"goes on", 4 << 10, 3 * time.Second, 100, 0},
		{"pauses after a good start", 1 << 20, time.Hour, 2, 20 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				result := make(chan error, 1)
				dial := serve(t, 1, func(_ http.ResponseWriter, r *http.Request) {
					_, err := io.Copy(io.Discard, r.Body)
					result <- err
				})
				began, c := time.Now(), dial()
				sent := make(chan struct{})
				go func() {
					defer close(sent)
					_, err := fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", max(tt.chunk*tt.times, 1000))
					for n := 0; n < tt.times && err == nil; n++ {
						_, err = io.WriteString(c, strings.Repeat("x", tt.chunk))
						time.Sleep(tt.every)
					}
				}()
				err := <-result
				if took := time.Since(began).Truncate(time.Second); errors.Is(err, httplimit.ErrSlowBody) != (tt.want != 0) || tt.want != 0 && took != tt.want {
					t.Errorf("%v after %s, want the limit at %s", err, took, tt.want)
				}
				_ = c.Close()
				<-sent
			})
		})
	}
}

func TestHeldRequestOutlivesItsBodysDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var left error
		dial := serve(t, 1, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			time.Sleep(5 * time.Minute)
			left = r.Context().Err()
		})
		c := dial()
		send(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
		if got := status(c); got != 200 || left != nil {
			t.Errorf("status %d, the request's context: %v", got, left)
		}
	})
}

// TestUnreadBody: the connection of a request that is refused unread is closed when the
// rest of its body isn't there.
func TestUnreadBody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dial := serve(t, 1, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusUnauthorized)
		})
		began, c := time.Now(), dial()
		send(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx")
		if got := status(c); got != http.StatusUnauthorized {
			t.Errorf("status %d", got)
		}
		_, _ = io.Copy(io.Discard, c)
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("closed after %s", took)
		}
	})
}
