// Package tracing sends OpenTelemetry traces over OTLP, if the standard variables of the
// environment say where to. Without them there is no Tracer, and nothing is done: all
// methods of a nil *Tracer and a nil *Span do nothing.
//
// A job's spans are written by up to three processes: its client, a server and an agent.
// The job keeps the traceparent of the request that created it, and all spans of the job
// are below that. A job without one has a trace whose ID follows from the job's.
//
// https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
package tracing

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// scope names the source of all spans.
const scope = "github.com/errandhq/errand"

// flushTimeout bounds how long a program waits for spans to be sent.
const flushTimeout = 3 * time.Second

// A Tracer makes spans and sends them.
type Tracer struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// Options are what the environment doesn't say.
type Options struct {
	Service string // unless OTEL_SERVICE_NAME says it
	Version string
	// Getenv is os.Getenv. Where spans go, the exporter reads from the process's own
	// environment.
	Getenv func(string) string
	// OnError is called when spans can't be sent.
	OnError func(error)
}

// Open returns a Tracer if the environment asks for traces, else nil. Errors: it asks for
// a way that isn't supported.
func Open(ctx context.Context, o Options) (*Tracer, error) {
	on, err := isOn(o.Getenv)
	if err != nil || !on {
		return nil, err
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	// A resource with fewer attributes is returned with an error, and as good.
	of, _ := resource.New(ctx,
		resource.WithTelemetrySDK(), resource.WithHost(),
		resource.WithAttributes(attribute.String("service.name", o.Service), attribute.String("service.version", o.Version)),
		resource.WithFromEnv())
	if o.OnError != nil {
		otel.SetErrorHandler(otel.ErrorHandlerFunc(o.OnError))
	}
	p := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(of), sdktrace.WithIDGenerator(ids{}))
	return &Tracer{provider: p, tracer: p.Tracer(scope)}, nil
}

// isOn reports whether the environment asks for traces.
func isOn(getenv func(string) string) (bool, error) {
	first := func(names ...string) (name, value string) {
		for _, name := range names {
			if v := getenv(name); v != "" {
				return name, v
			}
		}
		return "", ""
	}
	_, endpoint := first("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
	switch exporter := getenv("OTEL_TRACES_EXPORTER"); {
	case getenv("OTEL_SDK_DISABLED") == "true", exporter == "none", exporter == "" && endpoint == "":
		return false, nil
	case exporter != "" && exporter != "otlp":
		return false, fmt.Errorf("OTEL_TRACES_EXPORTER is %q; only otlp and none are supported: no traces are sent", exporter)
	}
	name, protocol := first("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
	if protocol != "" && protocol != "http/protobuf" {
		return false, fmt.Errorf("%s is %q; only http/protobuf is supported: no traces are sent", name, protocol)
	}
	return true, nil
}

// Flush sends all spans that have ended, and gives up after a few seconds.
func (t *Tracer) Flush(ctx context.Context) {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	if err := t.provider.ForceFlush(ctx); err != nil {
		otel.Handle(err)
	}
}

// Close is Flush, after which no spans are made.
func (t *Tracer) Close() {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		otel.Handle(err)
	}
}

// A Span is a span that has begun.
type Span struct{ span trace.Span }

// Start begins a span of the process itself, within the one of ctx.
func (t *Tracer) Start(ctx context.Context, name string) (context.Context, *Span) {
	if t == nil {
		return ctx, nil
	}
	ctx, span := t.tracer.Start(ctx, name)
	return ctx, &Span{span}
}

// Set sets an attribute: a string, an int or a bool.
func (s *Span) Set(name string, value any) {
	if s == nil {
		return
	}
	switch v := value.(type) {
	case string:
		s.span.SetAttributes(attribute.String(name, v))
	case int:
		s.span.SetAttributes(attribute.Int(name, v))
	case bool:
		s.span.SetAttributes(attribute.Bool(name, v))
	}
}

// End ends the span. With an error, the span has failed.
func (s *Span) End(err error) {
	if s == nil {
		return
	}
	if err != nil {
		s.span.SetStatus(codes.Error, err.Error())
	}
	s.span.End()
}
