package tracing

import (
	"context"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/errandhq/errand"
)

// Attributes of spans.
const (
	JobID    = "errand.job.id"
	Queue    = "errand.queue"
	ExitCode = "errand.exit_code"
	Status   = "errand.job.status"
	Reason   = "errand.reason"

	attemptNumber = "errand.attempt"
	commandNumber = "errand.command"
)

// Waited makes the span of the time that a job waited for the attempt that has just been
// assigned. It is a control.Config's Assigned.
func (t *Tracer) Waited(spec *errand.Spec, st errand.StateRecord) {
	from := st.CreatedAt
	if st.ReleasedAt.After(from) {
		from = st.ReleasedAt
	}
	if before := st.Attempts(); len(before) > 1 {
		from = before[len(before)-2].EndedAt
	}
	ctx := ofJob(context.Background(), st.JobID, spec.TraceParent)
	_, span := t.tracer.Start(ctx, "waiting", trace.WithTimestamp(from), trace.WithAttributes(
		attribute.String(JobID, st.JobID), attribute.String(Queue, st.Queue), attribute.Int(attemptNumber, st.Attempt)))
	span.End(trace.WithTimestamp(st.StartedAt))
}

// An Attempt is the span of an attempt that an agent runs. A later process that goes on
// with the attempt makes the same span.
type Attempt struct {
	tracer  *Tracer
	ctx     context.Context // of the spans below
	span    trace.Span
	jobID   string
	attempt int
}

// Attempt begins the span of an attempt.
func (t *Tracer) Attempt(a *errand.Assignment, began time.Time) *Attempt {
	if t == nil {
		return nil
	}
	ctx := withSpanID(ofJob(context.Background(), a.JobID, a.TraceParent), a.JobID, a.Attempt, "attempt")
	ctx, span := t.tracer.Start(ctx, "attempt", trace.WithTimestamp(began), trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
		attribute.String(JobID, a.JobID), attribute.String(Queue, a.Queue), attribute.Int(attemptNumber, a.Attempt)))
	return &Attempt{tracer: t, ctx: withoutIDs(ctx), span: span, jobID: a.JobID, attempt: a.Attempt}
}

// Context returns ctx with the span, for requests.
func (a *Attempt) Context(ctx context.Context) context.Context {
	if a == nil {
		return ctx
	}
	return trace.ContextWithSpan(ctx, a.span)
}

// Commands returns the traceparent of the span of each of n commands, which Command will
// make; none of a nil Attempt.
func (a *Attempt) Commands(n int) []string {
	if a == nil {
		return nil
	}
	all := make([]string, n)
	for i := range all {
		ctx := withSpanID(a.ctx, a.jobID, a.attempt, commandSpan(i))
		of := a.span.SpanContext().WithSpanID(ids{}.NewSpanID(ctx, a.span.SpanContext().TraceID()))
		all[i] = traceParent(trace.ContextWithSpanContext(ctx, of))
	}
	return all
}

func commandSpan(i int) string { return "command " + strconv.Itoa(i) }

// Command makes the span of a command that has ended.
func (a *Attempt) Command(i int, began time.Time, r *errand.CommandResult) {
	if a == nil {
		return
	}
	ctx := withSpanID(a.ctx, a.jobID, a.attempt, commandSpan(i))
	_, span := a.tracer.tracer.Start(ctx, "command", trace.WithTimestamp(began), trace.WithAttributes(
		attribute.Int(commandNumber, i+1), attribute.Int(ExitCode, r.ExitCode)))
	if r.ExitCode != 0 {
		span.SetStatus(codes.Error, "exit code "+strconv.Itoa(r.ExitCode))
	}
	span.End(trace.WithTimestamp(began.Add(time.Duration(r.DurationMs) * time.Millisecond)))
}

// Step makes the span of something else that the agent did for the attempt.
func (a *Attempt) Step(name string, began, ended time.Time, err error) {
	if a == nil {
		return
	}
	_, span := a.tracer.tracer.Start(a.ctx, name, trace.WithTimestamp(began))
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
	}
	span.End(trace.WithTimestamp(ended))
}

// End ends the span: the attempt is reported. exitCode counts if there is no reason.
func (a *Attempt) End(ended time.Time, exitCode int, reason errand.Reason) {
	if a == nil {
		return
	}
	switch {
	case reason != "":
		a.span.SetAttributes(attribute.String(Reason, string(reason)))
		a.span.SetStatus(codes.Error, string(reason))
	default:
		a.span.SetAttributes(attribute.Int(ExitCode, exitCode))
		if exitCode != 0 {
			a.span.SetStatus(codes.Error, "exit code "+strconv.Itoa(exitCode))
		}
	}
	a.span.End(trace.WithTimestamp(ended))
}
