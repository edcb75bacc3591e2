package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/errandhq/errand/internal/httplimit"
)

// httpServer serves the API and the page, on one listener or more.
type httpServer struct {
	server      *http.Server
	connections *httplimit.Connections
	failed      chan error              // of one: why it can't serve any more
	cut         context.CancelCauseFunc // ends the requests that wait
}

// errServerEnds is the cause that requests see which the server's end cuts.
var errServerEnds = errors.New("the server ends")

func newHTTPServer(h http.Handler, connections *httplimit.Connections, log *slog.Logger) *httpServer {
	requests, cut := context.WithCancelCause(context.Background())
	s := &httpServer{connections: connections, failed: make(chan error, 1), cut: cut}
	s.server = &http.Server{
		Handler:     h,
		BaseContext: func(net.Listener) context.Context { return requests },
		ErrorLog:    slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	connections.Configure(s.server)
	return s
}

// serve returns at once. If the listener fails later, failed has the reason.
func (s *httpServer) serve(ln net.Listener) {
	go func() {
		if err := s.server.Serve(s.connections.Listen(ln)); !errors.Is(err, http.ErrServerClosed) {
			select {
			case s.failed <- fmt.Errorf("serve %s: %w", ln.Addr(), err):
			default:
			}
		}
	}()
}

// shutdownGrace is how long answers may take to get through in the end.
const shutdownGrace = 3 * time.Second

// close ends the requests that wait, and the listeners.
func (s *httpServer) close() error {
	s.cut(errServerEnds)
	ctx, cancel := context.WithTimeout(context.Background(), shutdownGrace)
	defer cancel()
	err := s.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.server.Close()
	}
	return err
}
