package kv

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// A syncer lets the callers that wait for the disk share its fsyncs. One of
// those that wait leads: it gathers the others, syncs the log once, which
// covers everything applied before, and tells them.
type syncer struct {
	sync func() error // makes all that was applied so far durable

	applied atomic.Int64 // batches in the log
	synced  atomic.Int64 // how many of them are known to be on disk
	syncs   atomic.Int64

	took time.Duration // by the sync before; the leader's

	mu   sync.Mutex
	busy bool   // somebody leads
	next *round // who waits for the next sync; nil: nobody
}

// A round is the callers of one sync.
type round struct {
	turn chan struct{} // closed when its first caller is to lead
	done chan struct{} // closed when err is set
	err  error
}

// wait returns when the first n batches applied are on disk.
func (y *syncer) wait(n int64) error {
	if y.synced.Load() >= n {
		return nil
	}
	r, leads, first := y.join()
	if first && !leads {
		<-r.turn
		leads = true
	}
	if leads {
		y.lead(r)
		return r.err
	}
	<-r.done
	return r.err
}

// join enters the next round. first: nobody was in it; leads: and nobody is
// busy with another.
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
	y.next = nil // who comes from here on is in another round
	y.mu.Unlock()
	n, began := y.applied.Load(), time.Now()
	if r.err = y.sync(); r.err == nil {
		y.synced.Store(n)
	}
	y.took = time.Since(began)
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
	// A processor that comes back to who let go of it in so short a time had
	// nothing else to do.
	idleYield = 2 * time.Microsecond
	// idleYields in a row: those who would come have come.
	idleYields = 3
	// maxPatience bounds the wait where others always have something to do.
	maxPatience = 2 * time.Millisecond
)

// gather lets all goroutines go first that could run: they may be on their way
// to the round, and a sync that began now would hold a processor that they
// want. With a single caller it takes a microsecond.
func (y *syncer) gather() {
	began := time.Now()
	patience := min(2*y.took, maxPatience)
	for now, idle := began, 0; idle < idleYields && now.Sub(began) < patience; {
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
	_ = b.LogData(nil, nil) // a batch that isn't yet applied can't fail to grow
	if err := db.ApplyNoSyncWait(b, pebble.Sync); err != nil {
		return err
	}
	if err := b.SyncWait(); err != nil {
		return err
	}
	return b.Close()
}
