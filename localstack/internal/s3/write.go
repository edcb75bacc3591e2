package s3

import (
	"errors"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/kv"
)

// A write is a batch that was applied: visible, but perhaps not on disk yet.
// Whoever is told what follows from it may rely on it, so it is waited for
// first, also by those who didn't write it.
type write struct {
	number  uint64 // in the order of Apply, which is that of the log; 0: none
	pending kv.Pending
}

// wait returns when w, and with it all before, is on disk. After a write has
// failed it always fails: what that one left visible may never get there.
func (e *Engine) wait(w write) error {
	if err := e.reach(w); err != nil {
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
		n := e.synced.Load()
		if n >= number || e.synced.CompareAndSwap(n, number) {
			return
		}
	}
}

// settle waits until what was read of an object or, with no key, of a bucket is
// on disk: as in S3, what someone was shown isn't gone after a power cut. But
// for a key that is being written, nothing is waited for. What was read of an
// object also tells of its bucket.
func (e *Engine) settle(bucket, key string) error {
	e.mu.RLock()
	w := e.recent[stripeOf(bucket, key)]
	if b := e.recent[stripeOf(bucket, "")]; b.number > w.number {
		w = b
	}
	e.mu.RUnlock()
	return e.reach(w)
}

// settleAll is settle for what was read of anything.
func (e *Engine) settleAll() error {
	e.mu.RLock()
	w := e.last
	e.mu.RUnlock()
	return e.reach(w)
}

// reach returns when w is on disk. Where it failed, it always fails.
func (e *Engine) reach(w write) error {
	if e.synced.Load() >= w.number {
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
	return firstOf(e.settleAll(), err)
}
