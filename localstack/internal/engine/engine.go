// Package engine is the frame of the engines of SQS, DynamoDB and S3: what each
// is given, how its operations and background passes begin and end, and how a
// failure is answered and logged.
//
// An engine embeds a *Frame. Its operations take a context, which says the
// caller's region (awswire.IdentityFrom), and one input, named as in AWS's API
// reference; their errors are *awswire.Error, or failures of the engine.
package engine

import (
	"sync"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/gate"
	"github.com/errandhq/errand/localstack/internal/kv"
)

// Config is what every engine is given.
type Config struct {
	Store *kv.Store   // closed by its owner, after the engine
	Clock clock.Clock // nil: the machine's
	// Logf gets failures that no caller can be told of; nil drops them.
	Logf func(format string, args ...any)
	// PassEnded, if set, is called after each background pass, for tests.
	PassEnded func(pass string, err error)
}

// A Frame is the part that all engines have in common. It is safe for
// concurrent use.
type Frame struct {
	Store *kv.Store
	Keys  *kv.Space // the engine's own
	Clock clock.Clock

	service   string
	logf      func(format string, args ...any)
	passEnded func(string, error)

	gate    *gate.Gate
	closing chan struct{}
	closed  sync.Once
	work    sync.WaitGroup // passes, and what Go runs
	passes  []*pass        // appended before the engine is used
}

// New returns the frame of the engine of a service ("sqs"), whose keys begin
// with prefix.
func New(service string, prefix byte, c Config) *Frame {
	f := &Frame{
		Store: c.Store, Keys: c.Store.Space(prefix), Clock: c.Clock,
		service: service, logf: c.Logf, passEnded: c.PassEnded,
		gate: gate.New(), closing: make(chan struct{}),
	}
	if f.Clock == nil {
		f.Clock = clock.Real()
	}
	if f.logf == nil {
		f.logf = func(string, ...any) {}
	}
	if f.passEnded == nil {
		f.passEnded = func(string, error) {}
	}
	return f
}

// Logf logs a failure that no caller can be told of.
func (f *Frame) Logf(format string, args ...any) { f.logf(f.service+": "+format, args...) }

// Enter begins an operation, or reports that the engine is closed. Leave ends it.
func (f *Frame) Enter() bool { return f.gate.Enter() }

// Leave ends an operation that Enter began.
func (f *Frame) Leave() { f.gate.Leave() }

// Closing is closed when Close begins. Operations that wait must then return.
func (f *Frame) Closing() <-chan struct{} { return f.closing }

// IsClosing reports whether Close has begun.
func (f *Frame) IsClosing() bool {
	select {
	case <-f.closing:
		return true
	default:
		return false
	}
}

// Go runs work on a goroutine that Close waits for. It is called by an
// operation, or before the engine is used; work ends soon after Closing.
func (f *Frame) Go(work func()) { f.work.Go(work) }

// Close ends the background passes and waits for them, for the operations under
// way and for what Go started. The store may be closed after it. Closing again
// does nothing.
func (f *Frame) Close() {
	f.closed.Do(func() {
		close(f.closing)
		f.gate.Close()
		for _, p := range f.passes {
			p.stop()
		}
	})
	f.work.Wait()
}
