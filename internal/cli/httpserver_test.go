package cli

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"testing"

	"github.com/errandhq/errand/internal/httplimit"
)

// TestServerEndIsACause: a request that waits when the server ends sees that as its cause,
// so that it can be answered.
func TestServerEndIsACause(t *testing.T) {
	t.Parallel()
	waits, cause := make(chan struct{}), make(chan error, 1)
	h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(waits)
		<-r.Context().Done()
		cause <- context.Cause(r.Context())
	})
	s := newHTTPServer(h, httplimit.NewConnections(16), slog.New(slog.DiscardHandler))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.serve(ln)
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	<-waits
	if err := s.close(); err != nil {
		t.Error(err)
	}
	if err := <-cause; !errors.Is(err, errServerEnds) {
		t.Errorf("the request saw %v", err)
	}
}
