package kv

import (
	"sync/atomic"
	"time"
)

// Deleted values leave the disk by compactions, and those begin when the deletions are
// flushed: by Pebble itself only when several megabytes were written, which deletions
// alone hardly are. So enough of them are flushed, now and then.
const (
	reclaimDeletions = 1000
	reclaimInterval  = time.Minute
)

// reclaimer counts deletions since the last flush of them.
type reclaimer struct {
	deletions atomic.Int64
	flushed   atomic.Int64 // ns since 1970
}

// isDue reports whether deletions are to be flushed now that n more were applied.
func (r *reclaimer) isDue(n int, now time.Time) bool {
	if n == 0 || r.deletions.Add(int64(n)) < reclaimDeletions {
		return false
	}
	last := r.flushed.Load()
	if now.UnixNano()-last < int64(reclaimInterval) || !r.flushed.CompareAndSwap(last, now.UnixNano()) {
		return false
	}
	r.deletions.Store(0)
	return true
}

// reclaim flushes in the background, if that is due.
func (s *Store) reclaim(deletions int) {
	if s.reclaimer.isDue(deletions, time.Now()) {
		_, _ = s.db.AsyncFlush() // the next one tries again
	}
}
