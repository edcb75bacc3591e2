package sqs

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/engine"
	"github.com/errandhq/errand/localstack/internal/kv"
)

// Space is the part of the store that the engine owns.
const Space = 'q'

// Config of an engine.
type Config struct {
	engine.Config
	// NoCooldown drops two rules of AWS that only cost time: 60 s between
	// deleting a queue and creating one with its name, and between two purges.
	NoCooldown bool
	// OldestGroupFirst makes receives from a FIFO queue prefer the available
	// group whose first message is oldest. AWS promises no order across groups.
	// By default a group that was received from goes behind the others when it
	// is available again, as was observed on AWS.
	OldestGroupFirst bool
	Faults           Faults // nil: none

	lookAhead int // 0: maxLookAhead
}

// An Engine holds the queues of all regions. It is safe for concurrent use.
//
// Every operation returns when its effect is on disk. Errors are *awswire.Error,
// with the codes of the service model (QueueDoesNotExist), or those of ctx.
// Operations take the region from awswire.IdentityFrom(ctx), and what else they
// need of the HTTP request from RequestFrom(ctx).
type Engine struct {
	*engine.Frame
	cfg    Config
	broken atomic.Pointer[error] // a read or write failed: memory and store may differ

	mu        sync.RWMutex // locked before any queue
	queues    map[queueName]*queue
	lastQueue uint64

	moveTasks moveTasks
}

type queueName struct{ region, name string }

const sweepInterval = time.Minute

// Open loads the queues from the store and starts the background work.
func Open(cfg Config) (*Engine, error) {
	if cfg.Faults == nil {
		cfg.Faults = noFaults{}
	}
	if cfg.lookAhead == 0 {
		cfg.lookAhead = maxLookAhead
	}
	e := &Engine{Frame: engine.New("sqs", Space, cfg.Config), cfg: cfg, queues: map[queueName]*queue{}}
	if err := e.load(); err != nil {
		return nil, err
	}
	if err := e.moveTasks.load(e); err != nil {
		return nil, err
	}
	e.StartPass("retention sweep", engine.Every(sweepInterval), e.sweep)
	e.moveTasks.resume()
	return e, nil
}

// Close ends long polls, which answer with no messages, and waits for the
// operations and move tasks under way. The store may be closed after it.
func (e *Engine) Close() {
	e.Frame.Close()
	for _, q := range e.queues {
		q.mu.Lock()
		q.wakeTimer.stop()
		q.mu.Unlock()
	}
}

// Begin begins an operation, which Leave ends. Whoever calls the operations of an
// engine that may fail or close calls Begin first. Errors: of a store that failed, and
// ServiceUnavailable once the engine closes.
func (e *Engine) Begin() error {
	if cause := e.broken.Load(); cause != nil {
		return serverError(500, codeInternal, "The store failed; the stack must be restarted.", *cause)
	}
	if !e.Enter() {
		return awswire.Errorf(503, codeUnavailable, "The service is shutting down.")
	}
	return nil
}

func serverError(status int, code, message string, cause error) *awswire.Error {
	return &awswire.Error{Status: status, Code: code, Message: message, Cause: cause}
}

// checkWritable must be called before an operation changes memory, which must
// not hold what can't be written. A full disk refuses the operation and may have
// space later; other errors break the engine.
func (e *Engine) checkWritable() error {
	err := e.Store.Writable()
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kv.ErrFull):
		return engine.DiskFull(err)
	}
	return e.storeFailed(err)
}

// storeFailed breaks the engine after a failed read or write: memory may differ
// from what is on disk, so no operation may answer from it.
func (e *Engine) storeFailed(err error) error {
	e.broken.CompareAndSwap(nil, &err)
	return serverError(500, codeInternal, "The request could not be stored.", err)
}

// toAnswer returns err if it is meant for the caller. Any other error breaks
// the engine.
func (e *Engine) toAnswer(err error) error {
	var answer *awswire.Error
	if err == nil || errors.As(err, &answer) || errors.Is(err, kv.ErrStalled) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return e.storeFailed(err)
}

// now is the clock's time in milliseconds, the unit of everything stored.
func (e *Engine) now() int64 { return max(e.Clock.Now().UnixMilli(), 0) }

// A txn is one operation's effect on the store.
type txn struct {
	*kv.Batch
	now int64
	// What this batch writes, and the store doesn't show yet.
	newDedups []dedup
	deleted   map[uint64]bool
	// awaitEarlierWrites makes an answer wait for all batches applied before,
	// even if this one is empty: the answer depends on them.
	awaitEarlierWrites bool
}

// transact runs f on the queue under its lock, as one batch, and returns when
// that is on disk. An f that returns an error must have changed nothing.
func (e *Engine) transact(ctx context.Context, queueURL string, f func(q *queue, t *txn) error) error {
	q, err := e.findQueue(ctx, queueURL)
	if err != nil {
		return err
	}
	pending, err := q.transact(f)
	if err != nil {
		return err
	}
	return e.waitDurable(pending)
}

func (e *Engine) waitDurable(p kv.Pending) error {
	return e.toAnswer(p.Wait())
}
