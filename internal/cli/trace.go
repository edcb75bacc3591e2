package cli

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/terminal"
	"github.com/errandhq/errand/internal/tracing"
	"github.com/errandhq/errand/internal/version"
)

// traced runs a client command as a span, and sends its spans, if the environment asks
// for traces.
func (a *app) traced(ctx context.Context, name string, f func(context.Context) error) error {
	var once sync.Once
	traces, err := tracing.Open(ctx, tracing.Options{
		Service: "errand", Version: version.Get().Short(), Getenv: a.getenv,
		OnError: func(err error) { once.Do(func() { a.term.Warnf("the trace was not sent: %v", err) }) },
	})
	if err != nil {
		a.term.Warnf("%v", err)
	}
	if traces == nil {
		return f(ctx)
	}
	a.traces = traces
	defer traces.Close()
	ctx, span := traces.Start(tracing.WithParent(ctx, a.getenv(errand.EnvTraceParent)), name)
	err = f(ctx)
	var exit *terminal.ExitError
	if errors.As(err, &exit) && exit.Err == nil {
		span.Set(tracing.ExitCode, exit.Code)
		span.End(nil)
		return err
	}
	span.End(err)
	return err
}

// traceParent returns what a client's requests say about the trace that they are part of.
func (a *app) traceParent() func(context.Context) string {
	return a.traces.Header(a.getenv(errand.EnvTraceParent))
}

// traceJob adds what a client learns of its job to the span of ctx.
func traceJob(span *tracing.Span, job *api.Job) {
	if job.ID == "" {
		return
	}
	span.Set(tracing.JobID, job.ID)
	span.Set(tracing.Status, string(job.Status))
	if job.ExitCode != nil {
		span.Set(tracing.ExitCode, *job.ExitCode)
	}
	if job.Reason != "" {
		span.Set(tracing.Reason, string(job.Reason))
	}
}

// openTraces opens the traces of a program that serves; nil if the environment doesn't ask
// for them.
func (a *app) openTraces(ctx context.Context, service string, log *slog.Logger) *tracing.Tracer {
	traces, err := tracing.Open(ctx, tracing.Options{
		Service: service, Version: version.Get().Short(), Getenv: a.getenv,
		OnError: func(err error) { log.Warn("traces not sent", "err", err) },
	})
	if err != nil {
		log.Warn("no traces", "err", err)
	}
	return traces
}
