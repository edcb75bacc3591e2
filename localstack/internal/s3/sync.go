package s3

import (
	"cmp"
	"errors"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/kv"
)

// A appliedBatch is a batch that was applied: visible, but perhaps not on disk yet.
// Whoever is told what follows from it may rely on it, so it is waited for
// first, also by those who didn't write it.
type appliedBatch struct {
	number  uint64 // in the order of Apply, which is that of the log; 0: none
	pending kv.Pending
}

// awaitBatch returns when w, and with it all before, is on disk. After a write has
// failed it always fails: what that one left visible may never get there.
func (e *Engine) awaitBatch(w appliedBatch) error {
	if err := e.awaitSync(w); err != nil {
		return err
	}
	err := e.writable()
	var full *awswire.Error
	if errors.As(err, &full) { // which ends no write that was taken
		return nil
	}
	return err
}

func (e *Engine) noteSynced(number uint64) {
	for {
		n := e.syncedNumber.Load()
		if n >= number || e.syncedNumber.CompareAndSwap(n, number) {
			return
		}
	}
}

// awaitObjectSync waits until what was read of an object or, with no key, of a bucket is
// on disk: as in S3, what someone was shown isn't gone after a power cut. But
// for a key that is being written, nothing is waited for. What was read of an
// object also tells of its bucket.
func (e *Engine) awaitObjectSync(bucket, key string) error {
	e.mu.RLock()
	w := e.lastByStripe[stripeOf(bucket, key)]
	if b := e.lastByStripe[stripeOf(bucket, "")]; b.number > w.number {
		w = b
	}
	e.mu.RUnlock()
	return e.awaitSync(w)
}

// awaitAllSync is settle for what was read of anything.
func (e *Engine) awaitAllSync() error {
	e.mu.RLock()
	w := e.lastApplied
	e.mu.RUnlock()
	return e.awaitSync(w)
}

// awaitSync returns when w is on disk. Where it failed, it always fails.
func (e *Engine) awaitSync(w appliedBatch) error {
	if e.syncedNumber.Load() >= w.number {
		return nil
	}
	if err := w.pending.Wait(); err != nil {
		return err
	}
	e.noteSynced(w.number)
	return nil
}

// settled returns err, an answer drawn from what was read without the lock,
// once that is on disk.
func (e *Engine) settled(err error) error {
	if err == nil {
		return nil
	}
	return cmp.Or(e.awaitAllSync(), err)
}
