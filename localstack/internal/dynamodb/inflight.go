package dynamodb

import (
	"slices"
	"sync"
)

// inflight tracks the writes that are visible but may not be on disk yet. A writer
// calls begin before it applies its batch, and end when the batch is durable. A
// reader, after it has read, waits for the writes that had begun. So no response
// contains what a power cut could undo, and no lock is held during an fsync.
type inflight struct {
	mu     sync.Mutex
	done   sync.Cond // guarded by mu
	last   uint64
	open   []uint64 // ascending
	failed error    // of the first write that failed to reach the disk; it stays visible
}

func (f *inflight) begin() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last++
	f.open = append(f.open, f.last)
	return f.last
}

// end notes that a write is on disk or has failed.
func (f *inflight) end(n uint64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failed == nil {
		f.failed = err
	}
	i, _ := slices.BinarySearch(f.open, n)
	f.open = slices.Delete(f.open, i, i+1)
	f.done.L = &f.mu
	f.done.Broadcast()
}

// wait returns when every write that had begun before the call has ended. After one
// has failed, wait always fails: what was read may never reach the disk.
func (f *inflight) wait() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done.L = &f.mu
	for until := f.last; len(f.open) > 0 && f.open[0] <= until; {
		f.done.Wait()
	}
	return f.failed
}
