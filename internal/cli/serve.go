package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/awsconf"
	"github.com/errandhq/errand/internal/control"
	"github.com/errandhq/errand/internal/httplimit"
	"github.com/errandhq/errand/internal/metrics"
	"github.com/errandhq/errand/internal/setup"
	"github.com/errandhq/errand/internal/stackcli"
	"github.com/errandhq/errand/internal/terminal"
	"github.com/errandhq/errand/internal/tracing"
	"github.com/errandhq/errand/web"
)

// defaultStack is the stack's name, from which those of tables, queues and bucket
// follow.
const defaultStack = "errand"

type serveFlags struct {
	listenFlags
	metricsFlags
	stack        string
	proxyObjects bool
	sweep        time.Duration
	connections  int
	log          terminal.LogFlags
}

func (a *app) serveCommand() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run a server over DynamoDB, SQS and S3 of your own",
		Long: "Serve runs the API and the web page. It keeps nothing itself: jobs are in DynamoDB, SQS and S3, or in\n" +
			"servers that speak their protocols, such as ScyllaDB, ElasticMQ and MinIO. Any number of servers may\n" +
			"run over the same ones, behind a load balancer. \"errand provision\" creates the tables, queues and bucket.\n\n" +
			"The AWS SDK's environment variables say where the services are:\n" +
			"  AWS_ENDPOINT_URL_DYNAMODB, AWS_ENDPOINT_URL_SQS, AWS_ENDPOINT_URL_S3, AWS_REGION,\n" +
			"  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY\n\n" +
			"Clients and workers transfer files directly from and to S3: set ERRAND_OBJECT_URL if they reach it at\n" +
			"another address than the server does, or pass their requests on with --proxy-objects.",
		Example: "  errand serve --addr 0.0.0.0:8080 --insecure --allow-host errand.example.com",
		Args:    terminal.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.serve(cmd.Context(), f) },
	}
	terminal.AddFlags(cmd, "Server", func(fl *pflag.FlagSet) {
		fl.StringVar(&f.stack, "stack-name", defaultStack, "`name` with which the names of tables, queues and bucket begin")
		f.addListenFlags(fl)
		fl.BoolVar(&f.proxyObjects, "proxy-objects", false, "pass presigned requests for files on to S3, for clients that can't reach it")
		terminal.DurationVar(fl, &f.sweep, "sweep", time.Minute, "interval of the check for lost and expired jobs")
		stackcli.AddConnectionsFlag(fl, &f.connections)
		f.addMetricsFlag(fl)
	})
	f.log.Add(cmd)
	return cmd
}

func (f *serveFlags) check() error {
	if f.sweep < time.Second {
		return terminal.UsageErrorf("--sweep must be at least 1s, got %s", f.sweep)
	}
	return stackcli.CheckConnections(f.connections)
}

// serve serves until a signal.
func (a *app) serve(ctx context.Context, f serveFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	log, err := a.term.NewLog(f.log)
	if err != nil {
		return err
	}
	first, _, stop := terminal.NotifyInterrupts(ctx)
	defer stop()
	p, err := setup.OpenProvisioned(first, f.stack, a.getenv, log)
	if err != nil {
		return err
	}
	settings, err := p.Settings(first)
	if err != nil {
		return withServiceHint(err, provisionHint(f.stack))
	}
	ln, at, err := f.listen()
	if err != nil {
		return err
	}
	traces := a.openTraces(first, "errand-serve", log)
	defer traces.Close()
	s := newServer(p, settings, f, traces, log)
	stopMetrics, err := f.serveMetrics(s.metrics.Handler(), log)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	s.http.serve(ln)
	defer s.startSweeps(first, f.sweep)()
	if err := a.term.Print(at); err != nil {
		return errors.Join(err, s.http.close())
	}
	select {
	case <-first.Done():
		a.term.Notef("stopping")
	case err = <-s.http.failed:
	}
	return errors.Join(err, stopMetrics(), s.http.close())
}

func provisionHint(stack string) string {
	return "\"errand provision --stack-name " + stack + "\" creates what is missing"
}

// withServiceHint adds to an error of the services what their operator can do: missing is
// that about a table, queue or bucket that isn't there.
func withServiceHint(err error, missing string) error {
	if err == nil {
		return nil
	}
	hint := awsconf.Hint(err)
	if awsconf.IsMissing(err) {
		hint = missing
	}
	if hint == "" {
		return err
	}
	return terminal.WithHint(err, hint)
}

// server is what errand serve runs.
type server struct {
	service *control.Service
	metrics *metrics.Server
	http    *httpServer
}

func newServer(p *setup.Provisioned, s setup.Settings, f serveFlags, traces *tracing.Tracer, log *slog.Logger) *server {
	hosts := f.hosts()
	s.Hosts, s.PageOrigin = hosts, "/"
	objects := p.ObjectURL(s)
	if f.proxyObjects {
		s.SignHosts, objects = hosts, ""
	}
	m := newServerMetrics()
	svc := setup.NewService(setup.Process{
		AWS: p.AWS, Calls: setup.NewCalls(maxCalls), Recheck: setup.Recheck, Observe: m.Observe, Traces: traces, Log: log,
	}, s)
	m.WatchQueues(svc)
	connections := httplimit.NewConnections(f.connections)
	admission := api.Admission{Requests: max(connections.Limit(), 16), Service: svc}
	mux := http.NewServeMux()
	mux.Handle("/api/", traces.Handler(api.NewHandler(svc, api.Options{Log: log, Hosts: hosts})))
	mux.Handle("/", web.Handler(objects))
	if f.proxyObjects {
		mux.Handle("/"+s.Bucket+"/", objectProxy(p.Endpoint(s), log))
		mux.Handle("/"+s.Bucket, objectProxy(p.Endpoint(s), log))
	}
	handler := withHealth(withMetrics(m, svc, withStorage(svc, svc.Prune, admission.Handler(mux))))
	return &server{service: svc, metrics: m, http: newHTTPServer(guardHosts(hosts, handler), connections, log)}
}

// withHealth answers /health, for load balancers: the server serves. It says nothing
// of the services behind it, since all servers would be taken away with them.
func withHealth(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/health" {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		fmt.Fprintln(w, "ok")
	})
}

// objectProxy passes presigned requests and signed forms on to S3. Their signature
// covers the Host, which therefore stays. S3 checks it.
func objectProxy(endpoint string, log *slog.Logger) http.Handler {
	to, err := url.Parse(endpoint)
	if err != nil {
		return http.NotFoundHandler() // the SDK has parsed it before
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host
			r.Out.Header.Del("Authorization")
			r.Out.Header.Del("Cookie")
		},
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		isForm := r.Method == http.MethodPost && strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data")
		if !isForm && !r.URL.Query().Has("X-Amz-Signature") {
			http.Error(w, "only presigned requests are passed on", http.StatusForbidden)
			return
		}
		proxy.ServeHTTP(w, r)
	})
}

// startSweeps sweeps now and at each interval, until the returned function is called.
// The intervals differ a little, so that several servers don't sweep together.
func (s *server) startSweeps(ctx context.Context, interval time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	sweep := setup.Sweep(s.service)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			_, _ = sweep(ctx) // it logs its error
			select {
			case <-ctx.Done():
				return
			case <-time.After(interval - rand.N(interval/10+1)):
			}
		}
	})
	return func() {
		cancel()
		running.Wait()
	}
}
