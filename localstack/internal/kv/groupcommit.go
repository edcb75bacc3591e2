package kv

import (
	"runtime"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// A syncer lets the callers that wait for the disk share its fsyncs. One of
// those that wait leads: it gathers the others, syncs the log once, which
// covers everything applied before, and tells them.
type syncer struct {
	sync func() error // makes all that was applied so far durable

	mu   sync.Mutex
	busy bool   // somebody leads
	next *round // who waits for the next sync; nil: nobody
}

// A round is the callers of one sync.
type round struct {
	size int
	turn chan struct{} // closed when its first caller is to lead
	done chan struct{} // closed when err is set
	err  error
}

// maxGather bounds a round while its leader still waits for others.
const maxGather = 128

// wait returns when a sync that began after the call has ended.
func (y *syncer) wait() error {
	r, leads, first := y.join()
	if first && !leads {
		<-r.turn
		leads = true
	}
	if leads {
		y.lead(r)
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
	y.next.size++
	return y.next, leads, first
}

func (y *syncer) lead(r *round) {
	y.gather(r)
	r.err = y.sync()
	y.mu.Lock()
	if y.next != nil {
		close(y.next.turn)
	} else {
		y.busy = false
	}
	y.mu.Unlock()
	close(r.done)
}

// gather closes the round once no more callers come. It lets goroutines go
// first that could run, for as long as that brings some: where none could, as
// with a single caller, that takes no time, and where the machine is busy, one
// sync then serves all that were on their way to it.
func (y *syncer) gather(r *round) {
	for size := 0; ; runtime.Gosched() {
		y.mu.Lock()
		if r.size == size || r.size >= maxGather {
			y.next = nil
			y.mu.Unlock()
			return
		}
		size = r.size
		y.mu.Unlock()
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
