package kv

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/errandhq/errand/localstack/internal/gate"
)

// A syncer is a group commit: callers that wait for the disk share fsyncs. For each
// round of callers a goroutine leads: it waits shortly for others, syncs the log once,
// which covers all batches applied before, and wakes them.
type syncer struct {
	sync func() error // makes all that was applied so far durable
	gate *gate.Gate   // that the callers of wait have entered

	applied atomic.Int64 // batches in the log
	synced  atomic.Int64 // how many of them are known to be on disk
	syncs   atomic.Int64

	lastSync time.Duration // how long it took; used by the leader only

	mu   sync.Mutex
	busy bool   // a caller leads
	next *round // the callers waiting for the next sync; nil: none
}

// A round is the callers of one sync.
type round struct {
	turn chan struct{} // closed when its leader is to begin
	done chan struct{} // closed when err is set
	err  error
}

// wait returns when the first n batches applied are on disk, or ErrStalled when stalled
// is closed.
func (y *syncer) wait(n int64, stalled <-chan struct{}) error {
	if y.synced.Load() >= n {
		return nil
	}
	r, leads, first := y.join()
	if first {
		y.gate.EnterClosing() // the caller may return before the sync
		go func() {
			defer y.gate.Leave()
			if !leads {
				<-r.turn
			}
			y.lead(r)
		}()
	}
	select {
	case <-r.done:
		return r.err
	case <-stalled:
		return ErrStalled
	}
}

// join adds the caller to the next round. first: it is the first in it; leads: it
// is, and no other round is being synced.
func (y *syncer) join() (r *round, leads, first bool) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.next == nil {
		y.next = &round{turn: make(chan struct{}), done: make(chan struct{})}
		first = true
		leads = !y.busy
		y.busy = true
	}
	return y.next, leads, first
}

func (y *syncer) lead(r *round) {
	y.gather()
	y.mu.Lock()
	y.next = nil // later callers join another round
	y.mu.Unlock()
	n, began := y.applied.Load(), time.Now()
	if r.err = y.sync(); r.err == nil {
		y.synced.Store(n)
	}
	y.lastSync = time.Since(began)
	y.syncs.Add(1)
	y.mu.Lock()
	if y.next != nil {
		close(y.next.turn)
	} else {
		y.busy = false
	}
	y.mu.Unlock()
	close(r.done)
}

const (
	// If runtime.Gosched returns within idleYield, no other goroutine was runnable.
	idleYield = 2 * time.Microsecond
	// After so many idle yields in a row, no caller is on its way to the round.
	idleYields = 3
	// maxGather bounds the wait if other goroutines are always runnable.
	maxGather = 2 * time.Millisecond
)

// gather lets all runnable goroutines go first: they may be on their way to join
// the round, and a sync that began now would hold a processor that they need.
// With a single caller it takes a microsecond.
func (y *syncer) gather() {
	began := time.Now()
	limit := min(2*y.lastSync, maxGather)
	for now, idle := began, 0; idle < idleYields && now.Sub(began) < limit; {
		runtime.Gosched()
		before := now
		if now = time.Now(); now.Sub(before) > idleYield {
			idle = 0
		} else {
			idle++
		}
	}
}

// syncLog puts an empty record into the log and waits until it, and with it
// all before it, is on disk.
func syncLog(db *pebble.DB) error {
	b := db.NewBatch()
	_ = b.LogData(nil, nil) // fails only for a batch that was applied
	if err := db.ApplyNoSyncWait(b, pebble.Sync); err != nil {
		return err
	}
	if err := b.SyncWait(); err != nil {
		return err
	}
	return b.Close()
}
