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
	if e.synced.Load() < w.number {
		if err := w.pending.Wait(); err != nil {
			return err
		}
		e.noteSynced(w.number)
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

// settled returns err, an answer drawn from what was read without the lock,
// once that is on disk.
func (e *Engine) settled(err error) error {
	if err == nil {
		return nil
	}
	e.mu.RLock()
	last := e.last
	e.mu.RUnlock()
	return firstOf(e.wait(last), err)
}
