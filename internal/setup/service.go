// Package setup puts the control plane together: environment → Service →
// functions. The Lambda mains and the CLI's local server both start here, so
// what runs on one machine is what is deployed.
package setup

import (
	"context"
	"crypto/rand"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/oklog/ulid/v2"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/blob"
	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/internal/control"
	"github.com/errandhq/errand/internal/dynamo"
	"github.com/errandhq/errand/internal/invoke"
	"github.com/errandhq/errand/internal/queue"
	"github.com/errandhq/errand/internal/tracing"
)

// Process is what the Services of one process share.
type Process struct {
	AWS     aws.Config                             // how to reach AWS
	Changes *control.Changes                       // nil: each Service has its own
	Calls   Calls                                  // at a time; zero: any number
	Recheck time.Duration                          // see control.Config
	Observe func(before, after errand.StateRecord) // see control.Config
	Traces  *tracing.Tracer                        // nil: none
	Clock   clock.Clock                            // nil: the machine's
	Log     *slog.Logger
}

// Calls limits the calls of each service at a time. While one does not answer, its calls and
// their repetitions wait, and those of the other go on.
type Calls struct{ DynamoDB, SQS *control.Limit }

// NewCalls returns limits of n calls of each service.
func NewCalls(n int) Calls { return Calls{control.NewLimit(n), control.NewLimit(n)} }

// NewService puts a Service together.
func NewService(p Process, s Settings) *control.Service {
	cfg, clk, log := patient(p.AWS), p.Clock, p.Log
	if clk == nil {
		clk = clock.Real()
	}
	c := control.Config{
		Store:      dynamo.New(dynamodb.NewFromConfig(cfg), s.Tables, clk).WithLimit(p.Calls.DynamoDB),
		Queue:      queue.New(sqs.NewFromConfig(cfg), s.QueueConfig(), log).WithLimit(p.Calls.SQS),
		Blobs:      blob.New(blob.Config{AWS: cfg, Bucket: s.Bucket, SignHosts: s.SignHosts, ObjectURL: s.ObjectURL, Clock: clk}),
		Timing:     s.Timing,
		Queues:     s.QueueNames,
		Bell:       s.bellURL(),
		PageOrigin: s.PageOrigin,
		Changes:    p.Changes,
		Recheck:    p.Recheck,
		Observe:    p.Observe,
		Clock:      clk,
		NewID:      newID,
		Log:        log,
	}
	if p.Traces != nil {
		c.Assigned = p.Traces.Waited
	}
	if s.AdminTokenHash != "" {
		c.Store = adminStore{c.Store, s.AdminTokenHash}
	}
	if s.DirectFunction != "" {
		c.Direct = invoke.New(lambda.NewFromConfig(cfg), s.DirectFunction)
	}
	return control.NewService(c)
}

// QueueConfig says which SQS queues there are.
func (s *Settings) QueueConfig() queue.Config {
	return queue.Config{URLs: s.Queues, Bell: s.Bell, Prefix: s.QueuePrefix, Standard: s.StandardQueues}
}

// newID makes a ULID: IDs sort by time, and nobody can guess the next.
func newID(t time.Time) string {
	return ulid.MustNew(ulid.Timestamp(t), rand.Reader).String()
}

// Sweep is the scheduled function: the event says nothing that it needs.
func Sweep(svc *control.Service) func(context.Context) (control.SweepReport, error) {
	return func(ctx context.Context) (control.SweepReport, error) {
		report, err := svc.Sweep(ctx)
		logSweep(ctx, svc.Log, report, err)
		return report, err
	}
}

// logSweep writes a line at level info only if the sweep did something: it runs each
// minute.
func logSweep(ctx context.Context, log *slog.Logger, r control.SweepReport, err error) {
	attrs := []slog.Attr{
		slog.Int("looked", r.Looked), slog.Int("resent", r.Resent), slog.Int("lost", r.Lost),
		slog.Int("cancelled", r.Cancelled), slog.Int("expired", r.Expired), slog.Int("scheduled", r.Scheduled),
	}
	level := slog.LevelDebug
	switch {
	case err != nil:
		level = slog.LevelError
		attrs = append(attrs, slog.Any("err", err))
	case r.Resent+r.Lost+r.Cancelled+r.Expired+r.Scheduled > 0:
		level = slog.LevelInfo
	}
	log.LogAttrs(ctx, level, "sweep", attrs...)
}
