package tracing

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/httpstatus"
)

// Header returns what a client puts into the traceparent header of a request: the span of
// its context, or else parent, which the program was started in. Nil: nothing.
func (t *Tracer) Header(parent string) func(context.Context) string {
	if !errand.ValidTraceParent(parent) {
		parent = ""
	}
	switch {
	case t != nil:
		return func(ctx context.Context) string { return traceParent(WithParentIfNone(ctx, parent)) }
	case parent != "":
		return func(context.Context) string { return parent }
	}
	return nil
}

// WithParentIfNone is WithParent, unless ctx has a span.
func WithParentIfNone(ctx context.Context, traceParent string) context.Context {
	if trace.SpanContextFromContext(ctx).IsValid() {
		return ctx
	}
	return WithParent(ctx, traceParent)
}

// creates is the path of the request whose span is the parent of a job's spans.
const creates = "/api/jobs/create"

// Handler makes a span of each request that next serves and that belongs to a trace, or
// creates a job. Reads make none: a client that follows a log sends many. next finds the
// span in the request's header, too.
func (t *Tracer) Handler(next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		parent := r.Header.Get(header)
		if r.Method == http.MethodGet || !errand.ValidTraceParent(parent) && r.URL.Path != creates {
			next.ServeHTTP(w, r)
			return
		}
		ctx, span := t.tracer.Start(WithParent(r.Context(), parent), r.Method+" "+r.URL.Path, trace.WithSpanKind(trace.SpanKindServer),
			trace.WithAttributes(attribute.String("http.request.method", r.Method), attribute.String("http.route", r.URL.Path)))
		defer span.End()
		r = r.Clone(ctx)
		r.Header.Set(header, traceParent(ctx))
		rec := httpstatus.Record(w)
		next.ServeHTTP(rec, r)
		span.SetAttributes(attribute.Int("http.response.status_code", rec.Status))
		if rec.Status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
	})
}
