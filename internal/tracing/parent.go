package tracing

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/errandhq/errand"
)

// header is the name of W3C's header, as a propagator writes it.
const header = "traceparent"

// WithParent returns a context whose spans are below the span that a traceparent names.
// An invalid one is ignored.
func WithParent(ctx context.Context, traceParent string) context.Context {
	if !errand.ValidTraceParent(traceParent) {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{header: traceParent})
}

// traceParent names the span of ctx; empty if there is none.
func traceParent(ctx context.Context) string {
	c := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, c)
	return c[header]
}

// ofJob returns a context whose spans are a job's.
func ofJob(ctx context.Context, jobID, traceParent string) context.Context {
	ctx = trace.ContextWithSpanContext(ctx, trace.SpanContext{})
	if errand.ValidTraceParent(traceParent) {
		return WithParent(ctx, traceParent)
	}
	sum := sha256.Sum256([]byte("errand trace " + jobID))
	return withIDs(ctx, func(f *fixedIDs) { f.trace = trace.TraceID(sum[:16]) })
}

// withSpanID makes the next span of ctx have an ID that follows from its name, of which
// the trace must have one: so each process knows it, and none need tell another.
func withSpanID(ctx context.Context, jobID string, attempt int, name string) context.Context {
	sum := sha256.Sum256(fmt.Appendf(nil, "errand span %s %d %s", jobID, attempt, name))
	return withIDs(ctx, func(f *fixedIDs) { f.span = trace.SpanID(sum[:8]) })
}

// fixedIDs are IDs that the next span of a context gets; zero: random ones.
type fixedIDs struct {
	trace trace.TraceID
	span  trace.SpanID
}

type fixedKey struct{}

func withIDs(ctx context.Context, set func(*fixedIDs)) context.Context {
	f, _ := ctx.Value(fixedKey{}).(fixedIDs)
	set(&f)
	return context.WithValue(ctx, fixedKey{}, f)
}

// withoutIDs is for the spans below one that has fixed IDs.
func withoutIDs(ctx context.Context) context.Context {
	return context.WithValue(ctx, fixedKey{}, fixedIDs{})
}

// ids is the generator of the SDK's IDs.
type ids struct{}

// NewIDs returns the IDs of a span without a parent.
func (g ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	f, _ := ctx.Value(fixedKey{}).(fixedIDs)
	for !f.trace.IsValid() {
		random(f.trace[:])
	}
	return f.trace, g.NewSpanID(ctx, f.trace)
}

// NewSpanID returns the ID of a span of the trace.
func (ids) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	f, _ := ctx.Value(fixedKey{}).(fixedIDs)
	for !f.span.IsValid() {
		random(f.span[:])
	}
	return f.span
}

func random(b []byte) {
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
}
