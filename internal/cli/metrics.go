package cli

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"github.com/spf13/pflag"

	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/control"
	"github.com/errandhq/errand/internal/httplimit"
	"github.com/errandhq/errand/internal/metrics"
	"github.com/errandhq/errand/internal/terminal"
	"github.com/errandhq/errand/internal/version"
)

// metricsFlags say where a program's metrics are served, without a token.
type metricsFlags struct {
	metricsAddr string
}

func (f *metricsFlags) addMetricsFlag(fl *pflag.FlagSet) {
	fl.StringVar(&f.metricsAddr, "metrics-addr", "", "serve /metrics and /health on this loopback `host:port`, without a token")
}

// metricsConnections limits the connections of the metrics' address.
const metricsConnections = 16

// serveMetrics serves metrics at the flag's address, if there is one.
func (f *metricsFlags) serveMetrics(h http.Handler, log *slog.Logger) (stop func() error, err error) {
	if f.metricsAddr == "" {
		return func() error { return nil }, nil
	}
	ln, err := net.Listen("tcp", f.metricsAddr)
	if err != nil {
		return nil, fmt.Errorf("--metrics-addr: %w", err)
	}
	if at, ok := ln.Addr().(*net.TCPAddr); !ok || !at.IP.IsLoopback() {
		return nil, errors.Join(terminal.UsageErrorf("--metrics-addr must be a loopback address, like 127.0.0.1:9090, got %s", f.metricsAddr), ln.Close())
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", h)
	s := newHTTPServer(withHealth(mux), httplimit.NewConnections(metricsConnections), log)
	s.serve(ln)
	log.Info("metrics are served", "url", "http://"+ln.Addr().String()+"/metrics")
	return s.close, nil
}

// withMetrics serves /metrics to admins, and measures the API's requests that next
// serves.
func withMetrics(m *metrics.Server, svc *control.Service, next http.Handler) http.Handler {
	own, measured := api.RequireAdmin(svc, m.Handler()), m.Middleware(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // a ServeMux would clean the paths of objects
		switch {
		case r.URL.Path == "/metrics" && r.Method == http.MethodGet:
			own.ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, "/api/"):
			measured.ServeHTTP(w, r)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func newServerMetrics() *metrics.Server { return metrics.NewServer(version.Get().Short()) }
