// Package engine is the frame of the engines of SQS, DynamoDB and S3: what each
// is given, how its operations and background passes begin and end, and how a
// failure is answered and logged.
//
// An engine embeds a *Frame. Its operations take a context, which says the
// caller's region (awswire.IdentityFrom), and one input, named as in AWS's API
// reference; their errors are *awswire.Error, or failures of the engine.
package engine

import (
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
	*Background
	Store *kv.Store
	Keys  *kv.Space // the engine's own

	gate *gate.Gate
}

// New returns the frame of the engine of a service ("sqs"), whose keys begin
// with prefix.
func New(service string, prefix byte, c Config) *Frame {
	return &Frame{Background: NewBackground(service, c), Store: c.Store, Keys: c.Store.Space(prefix), gate: gate.New()}
}

// Enter begins an operation, or reports that the engine is closed. Leave ends it.
func (f *Frame) Enter() bool { return f.gate.Enter() }

// Leave ends an operation that Enter began.
func (f *Frame) Leave() { f.gate.Leave() }

// Close ends the background passes and waits for them, for the operations under
// way and for what Go started. The store may be closed after it. Closing again
// does nothing.
func (f *Frame) Close() {
	f.closed.Do(func() {
		f.stop()
		f.gate.Close()
	})
	f.work.Wait()
}
