package localstack

import (
	"context"
	"errors"
	"net/http"

	"github.com/errandhq/errand/localstack/internal/dynamodb"
	"github.com/errandhq/errand/localstack/internal/engine"
	"github.com/errandhq/errand/localstack/internal/hostile"
	"github.com/errandhq/errand/localstack/internal/lambda/lambdawire"
	"github.com/errandhq/errand/localstack/internal/s3"
	"github.com/errandhq/errand/localstack/internal/s3/s3wire"
	"github.com/errandhq/errand/localstack/internal/sqs"
	"github.com/errandhq/errand/localstack/internal/sqs/sqswire"
	"github.com/errandhq/errand/localstack/internal/sts"
)

// services are the engines. Before they are open they are nil.
type services struct {
	stale    *hostile.StaleReads // nil: reads are never stale
	sqs      *sqs.Engine
	dynamodb *dynamodb.Engine
	s3       *s3.Engine
}

func (s *Stack) openServices(context.Context) (err error) {
	e := s.services
	h := s.cfg.Hostile
	queues := hostile.Queues{Random: s.hostile, SQS: h.SQS}
	if e.sqs, err = sqs.Open(sqs.Config{
		Config:           engine.Config{Store: s.store, Clock: s.cfg.Clock, Logf: s.cfg.Logf},
		OldestGroupFirst: s.cfg.OldestGroupFirst, Faults: queues,
	}); err != nil {
		return err
	}
	tables := dynamodb.Config{Config: engine.Config{Store: s.store, Clock: s.cfg.Clock, Logf: s.cfg.Logf}}
	if h.DynamoDB.Stale > 0 || h.DynamoDB.IndexLag > 0 {
		e.stale = hostile.NewStaleReads(s.hostile, h.DynamoDB, s.store, s.cfg.Clock)
		tables.Faults = e.stale
	}
	if e.dynamodb, err = dynamodb.Open(tables); err != nil {
		return err
	}
	e.s3, err = s3.Open(s3.Config{
		Config: engine.Config{Store: s.store, Clock: s.cfg.Clock, Logf: s.cfg.Logf}, Dir: s.path("objects"), FS: s.cfg.FS,
		OpaqueETags: s.cfg.OpaqueETags,
	})
	return err
}

// handlers are the services' wire code, by the names that signatures have.
func (e *services) handlers(s *Stack) map[string]http.Handler {
	policies := s.presigned // checks what stands in the bodies of forms
	if s.cfg.NoAuth {
		policies = nil
	}
	return map[string]http.Handler{
		"sqs":      s.hostileSQS(s.counted("sqs", sqsOperation, sqswire.New(e.sqs))),
		"dynamodb": s.hostileDynamoDB(s.metered()),
		"s3":       s.hostileS3(s.counted("s3", s3Operation, s3wire.New(e.s3, s3wire.Options{Verifier: policies}))),
		"lambda":   s.hostileLambda(s.counted("lambda", lambdawire.Operation, lambdawire.New(s.lambda))),
		"sts":      s.counted("sts", func(*http.Request) string { return "Query" }, http.HandlerFunc(sts.ServeHTTP)),
	}
}

// endPolls ends the requests that would wait long.
func (e *services) endPolls() {
	if e.sqs != nil {
		e.sqs.Close()
	}
}

// close closes what is open. It may come after endPolls.
func (e *services) close() error {
	e.endPolls()
	var errs []error
	if e.dynamodb != nil {
		e.dynamodb.Close()
	}
	if e.stale != nil {
		errs = append(errs, e.stale.Close())
	}
	if e.s3 != nil {
		e.s3.Close()
	}
	return errors.Join(errs...)
}
