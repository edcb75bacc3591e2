package sqs

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/kv"
)

// Space is the part of the store that the engine owns.
const Space = 'q'

// Config of an engine.
type Config struct {
	Store *kv.Store   // closed by its owner, after the engine
	Clock clock.Clock // nil is the machine's
	// NoCooldown drops two of AWS's rules that only cost time: 60 s between
	// deleting a queue and creating its like, and between two purges.
	NoCooldown bool
	// OldestGroupFirst has receives from a FIFO queue take the available group
	// whose head is oldest. AWS promises no order across groups; without this,
	// a group that was received from stands behind the others when it is
	// available again, as was observed there.
	OldestGroupFirst bool
	// Faults are the liberties that the engine takes; nil: none.
	Faults Faults
	// Logf gets what went wrong inside; nil drops it.
	Logf func(format string, args ...any)

	lookAhead int // maxLooked, but in tests
}

// An Engine holds the queues of all regions. It is safe for concurrent use.
//
// Every operation returns when its effect is on disk. Its errors are
// *awswire.Error, by the service model's names (QueueDoesNotExist), or ctx's.
type Engine struct {
	cfg   Config
	space *kv.Space
	done  chan struct{} // closed by Close: ends waiters and the janitor

	gate   sync.RWMutex // operations hold it for reading; Close for writing
	closed bool         // under gate
	close  sync.Once
	broken atomic.Pointer[error] // a write failed: memory and store may differ

	mu        sync.RWMutex // before any queue's lock
	queues    map[queueName]*queue
	lastQueue uint64

	janitor   janitor
	moveTasks moveTasks
}

type queueName struct{ region, name string }

// Open loads the queues that the store holds and starts the engine.
func Open(cfg Config) (*Engine, error) {
	if cfg.Clock == nil {
		cfg.Clock = clock.Real()
	}
	if cfg.Logf == nil {
		cfg.Logf = func(string, ...any) {}
	}
	if cfg.Faults == nil {
		cfg.Faults = noFaults{}
	}
	if cfg.lookAhead == 0 {
		cfg.lookAhead = maxLookAhead
	}
	e := &Engine{
		cfg:    cfg,
		space:  cfg.Store.Space(Space),
		done:   make(chan struct{}),
		queues: map[queueName]*queue{},
	}
	if err := e.load(); err != nil {
		return nil, err
	}
	if err := e.moveTasks.load(e); err != nil {
		return nil, err
	}
	e.janitor.start(e)
	e.moveTasks.resume()
	return e, nil
}

// Close ends long polls, which answer with no messages, and returns when no
// operation is under way. The store may be closed after it.
func (e *Engine) Close() {
	e.close.Do(func() {
		close(e.done)
		e.gate.Lock()
		e.closed = true
		e.gate.Unlock()
		e.janitor.wait()
		e.moveTasks.wait()
		for _, q := range e.queues {
			q.mu.Lock()
			q.wakeTimer.disarm()
			q.mu.Unlock()
		}
	})
}

// enter begins an operation, leave ends it.
func (e *Engine) enter() error {
	if err := e.broken.Load(); err != nil {
		return awswire.Errorf(500, codeInternal, "The store failed; the stack must be restarted.")
	}
	e.gate.RLock()
	if e.closed {
		e.gate.RUnlock()
		return awswire.Errorf(503, codeUnavailable, "The service is shutting down.")
	}
	return nil
}

func (e *Engine) leave() { e.gate.RUnlock() }

// unwritable is what an operation is answered with that was refused before it
// began. A disk that is full now needn't stay so; the rest ends the engine.
func (e *Engine) errUnwritable(err error) error {
	if errors.Is(err, kv.ErrFull) {
		return awswire.Errorf(503, codeUnavailable, "The request was not stored: %s.", err)
	}
	return e.failStore(err)
}

// writable is asked before an operation changes what is in memory: what can't
// be written may not be there.
func (e *Engine) checkWritable() error {
	if err := e.cfg.Store.Writable(); err != nil {
		return e.errUnwritable(err)
	}
	return nil
}

// fail stops the engine after a failed read or write: going on could answer
// from a memory that the disk doesn't bear out.
func (e *Engine) failStore(err error) error {
	if e.broken.CompareAndSwap(nil, &err) {
		e.cfg.Logf("sqs: %v", err)
	}
	if errors.Is(err, kv.ErrFull) {
		return awswire.Errorf(500, codeInternal, "The request could not be stored: the disk is full. Free some and restart the stack.")
	}
	return awswire.Errorf(500, codeInternal, "The request could not be stored.")
}

// now is the clock's time in milliseconds, the unit of everything stored.
func (e *Engine) now() int64 { return max(e.cfg.Clock.Now().UnixMilli(), 0) }

// find is the queue that a queue URL, or a bare name, means.
// Errors: MissingParameter, QueueDoesNotExist, InvalidAddress.
func (e *Engine) findQueue(sc Scope, queueURL string) (*queue, error) {
	if queueURL == "" {
		return nil, errMissing("QueueUrl")
	}
	if name, ok := sc.localName(queueURL); ok {
		return e.queueByName(sc.Region, name)
	}
	at, ok := parseQueueURL(queueURL)
	switch {
	case !ok:
		return nil, errNoQueue()
	case at.region != "" && at.region != sc.Region:
		return nil, awswire.Errorf(404, codeInvalidAddress, "The address %s is not valid for this endpoint.", queueURL)
	}
	return e.queueByName(sc.Region, at.name)
}

func (e *Engine) queueByName(region, name string) (*queue, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	q, ok := e.queues[queueName{region, name}]
	if !ok {
		return nil, errNoQueue()
	}
	return q, nil
}

// byARN is the queue with that ARN, or nil.
func (e *Engine) queueByARN(arn string) *queue {
	p := strings.Split(arn, ":")
	if len(p) != 6 || p[4] != awswire.Account {
		return nil
	}
	q, _ := e.queueByName(p[3], p[5])
	return q
}

// parseQueueURL takes a queue URL, or its path, or a bare name apart. The
// region is empty where it isn't said.
func parseQueueURL(queueURL string) (at queueName, ok bool) {
	if !strings.Contains(queueURL, "/") {
		return queueName{name: queueURL}, true
	}
	u, err := url.Parse(queueURL)
	if err != nil {
		return at, false
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	n := len(parts)
	if n < 2 || parts[n-2] != awswire.Account {
		return at, false
	}
	if n == 4 && parts[0] == regionPath {
		at.region = parts[1]
	}
	at.name = parts[n-1]
	return at, true
}

// regionPath begins the path of a queue URL that says its region. On AWS the
// host does that; here the host is what the caller used.
const regionPath = "queue"

// url is a queue's URL. As on AWS, no two queues have the same.
func (sc Scope) queueURL(name string) string {
	path := awswire.Account + "/" + name
	if sc.Region != awswire.DefaultRegion {
		path = regionPath + "/" + sc.Region + "/" + path
	}
	return sc.Endpoint + "/" + path
}

// local is the queue's name in a URL that url gave this caller: nearly all are.
func (sc Scope) localName(queueURL string) (name string, ok bool) {
	path, here := strings.CutPrefix(queueURL, sc.Endpoint)
	name, ok = strings.CutPrefix(path, "/"+awswire.Account+"/")
	return name, here && ok && sc.Region == awswire.DefaultRegion && !strings.ContainsAny(name, "/%?#")
}

func queueARN(region, name string) string {
	return "arn:aws:sqs:" + region + ":" + awswire.Account + ":" + name
}

// A txn is one operation's effect on the store.
type txn struct {
	*kv.Batch
	now int64
	// What this batch writes, and the store doesn't show yet.
	newDedups []dedup
	deleted   map[uint64]bool
	// promises has the answer wait for all that was applied before, though this
	// batch be empty: what the answer tells of, another operation wrote.
	awaitEarlierWrites bool
}

// on runs f on the queue under its lock, as one batch, and returns when that
// is on disk. An f that returns an error must have changed nothing.
func (e *Engine) transact(sc Scope, queueURL string, f func(q *queue, t *txn) error) error {
	if err := e.enter(); err != nil {
		return err
	}
	defer e.leave()
	q, err := e.findQueue(sc, queueURL)
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
	if err := p.Wait(); err != nil {
		return e.failStore(err)
	}
	return nil
}

// asError is err if it is for the caller, and the engine's end if it isn't.
func (e *Engine) toAnswer(err error) error {
	var answer *awswire.Error
	if err == nil || errors.As(err, &answer) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return e.failStore(err)
}
