package setup

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/awsconf"
	"github.com/errandhq/errand/internal/control"
	"github.com/errandhq/errand/internal/lambdahttp"
	"github.com/errandhq/errand/internal/tracing"
	"github.com/errandhq/errand/internal/version"
)

// SweepName is the scheduled function's name, as the endpoints have theirs.
const SweepName = "sweep"

// Main serves an endpoint as a Lambda function, with what the process's
// environment says. It does not return.
func Main(e api.Endpoint) { Start(e.Name) }

// MainSweep is Main for the scheduled function.
func MainSweep() { Start(SweepName) }

// Start serves the function of that name, as Main does.
func Start(name string) {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil)).With("function", lambdacontext.FunctionName)
	cfg, err := awsconf.Load(context.Background(), nil)
	if err != nil {
		fail(log, err)
	}
	traces, err := tracing.Open(context.Background(), tracing.Options{
		Service: "errand-" + name, Version: version.Get().Short(), Getenv: os.Getenv,
		OnError: func(err error) { log.Warn("traces not sent", "err", err) },
	})
	if err != nil {
		log.Warn("no traces", "err", err)
	}
	h, err := Handler(name, os.Getenv, Process{AWS: cfg, Traces: traces, Log: log})
	if err != nil {
		fail(log, err)
	}
	if traces != nil {
		h = flushing{h, traces}
	}
	lambda.Start(h)
}

// flushing sends the spans before each answer: after it, the process may be frozen.
type flushing struct {
	lambda.Handler
	traces *tracing.Tracer
}

func (f flushing) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	defer f.traces.Flush(ctx)
	return f.Handler.Invoke(ctx, payload)
}

// fail ends a function that can't start; the platform shows the last lines.
func fail(log *slog.Logger, err error) {
	log.Error("function not started", "err", err)
	os.Exit(1)
}

// Handler is the function of that name, with what an environment says: what Main
// starts in the cloud, for those that run the functions themselves.
func Handler(name string, getenv func(string) string, p Process) (lambda.Handler, error) {
	settings, err := ParseSettings(getenv)
	if err != nil {
		return nil, fmt.Errorf("function %s: %w", name, err)
	}
	svc := NewService(p, settings)
	if name == SweepName {
		return lambda.NewHandler(Sweep(svc)), nil
	}
	e, err := endpoint(name)
	if err != nil {
		return nil, err
	}
	return endpointHandler(svc, settings, e, p.Traces), nil
}

// EndpointHandler is the function that serves e with svc.
func EndpointHandler(svc *control.Service, s Settings, e api.Endpoint) lambda.Handler {
	return endpointHandler(svc, s, e, nil)
}

func endpointHandler(svc *control.Service, s Settings, e api.Endpoint, traces *tracing.Tracer) lambda.Handler {
	requestID := func(r *http.Request) string { return lambdahttp.RequestID(r.Context()) }
	return lambdahttp.Handler(traces.Handler(api.NewHandler(svc, api.Options{Log: svc.Log, Hosts: s.Hosts, PageOrigin: s.PageOrigin, RequestID: requestID}, e)))
}

func endpoint(name string) (api.Endpoint, error) {
	for _, e := range api.Endpoints() {
		if e.Name == name {
			return e, nil
		}
	}
	return api.Endpoint{}, fmt.Errorf("there is no function %q", name)
}
