package s3

import (
	"errors"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/kv"
)

// An appliedBatch is visible to readers, but perhaps not on disk yet. Callers are
// told of it only when it is: also those who read it and didn't write it.
type appliedBatch struct {
	number  uint64 // in the order of the log; 0: none
	pending kv.Pending
}

// awaitSync returns when a, and all batches before it, are on disk.
func (e *Engine) awaitSync(a appliedBatch) error {
	if e.syncedNumber.Load() >= a.number {
		return nil
	}
	if err := a.pending.Wait(); err != nil {
		return err
	}
	for {
		n := e.syncedNumber.Load()
		if n >= a.number || e.syncedNumber.CompareAndSwap(n, a.number) {
			return nil
		}
	}
}

// awaitUpdate is awaitSync for an update. It also fails if any earlier write has
// failed, since what that one left visible may never be on disk.
func (e *Engine) awaitUpdate(a appliedBatch) error {
	if err := e.awaitSync(a); err != nil {
		return err
	}
	err := e.writable()
	var full *awswire.Error
	if errors.As(err, &full) { // says nothing about writes that were accepted
		return nil
	}
	return err
}

// awaitObjectSync waits until what was read of an object or, without a key, of a
// bucket is on disk: like S3, the engine shows nothing that a power cut may undo.
// It waits only if the object, its bucket or another key of their stripes is being
// written.
func (e *Engine) awaitObjectSync(bucket, key string) error {
	e.mu.RLock()
	a := e.lastByStripe[stripeOf(bucket, key)]
	if b := e.lastByStripe[stripeOf(bucket, "")]; b.number > a.number {
		a = b
	}
	e.mu.RUnlock()
	return e.awaitSync(a)
}

// awaitAllSync waits until all writes so far are on disk.
func (e *Engine) awaitAllSync() error {
	e.mu.RLock()
	a := e.lastApplied
	e.mu.RUnlock()
	return e.awaitSync(a)
}
