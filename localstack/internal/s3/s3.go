// Package s3 is the engine of the embedded S3: buckets and objects, durable
// and visible only when whole. It knows no HTTP; package s3wire speaks the
// protocol. Errors of its methods are *awswire.Error with S3's codes, or a
// failure of the disk.
package s3

import (
	"cmp"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/kv"
)

// Space is the prefix of the engine's keys in the store.
const Space = 's'

// Config says where an engine keeps its state. Store and Dir belong together:
// one without the other is a damaged S3.
type Config struct {
	Store *kv.Store   // metadata
	Dir   string      // bodies, one file each; created if needed
	FS    vfs.FS      // nil: the operating system's
	Clock clock.Clock // nil: the machine's
	// Logf gets failures that no caller can be told of; nil drops them.
	Logf func(format string, args ...any)
}

// An Engine is an open S3. It is safe for concurrent use.
type Engine struct {
	store  *kv.Store
	space  *kv.Space
	bodies *bodies
	clock  clock.Clock
	logf   func(format string, args ...any)

	// mu makes "check, then write" one step, and keeps a body from being
	// removed between the reading of its record and its opening.
	mu sync.RWMutex
	// lastApplied is the latest write, on disk or not yet. Guarded by mu.
	lastApplied  appliedBatch
	lastByStripe [stripes]appliedBatch // the latest of each stripe. Guarded by mu
	syncedNumber atomic.Uint64         // the number of the last write known to be on disk

	buckets sync.Map              // name → *Bucket, which is never changed. Written under mu
	uploads map[string]objectName // the unfinished ones, by ID. Guarded by mu

	sweeper  sweeper
	removals removals
	closing  sync.Once
}

// Open opens the S3 of c, removes what uploads cut short left behind, and
// starts expiring objects by their buckets' lifecycle rules.
func Open(c Config) (*Engine, error) {
	if c.FS == nil {
		c.FS = vfs.Default
	}
	if c.Clock == nil {
		c.Clock = clock.Real()
	}
	if c.Logf == nil {
		c.Logf = func(string, ...any) {}
	}
	b, err := openBodies(c.FS, c.Dir)
	if err != nil {
		return nil, fmt.Errorf("open s3 in %s: %w", c.Dir, err)
	}
	e := &Engine{store: c.Store, space: c.Store.Space(Space), bodies: b, clock: c.Clock, logf: c.Logf, uploads: map[string]objectName{}, removals: newRemovals()}
	if err := cmp.Or(e.loadBuckets(), e.loadUploads(), e.removeOrphans()); err != nil {
		return nil, fmt.Errorf("open s3 in %s: %w", c.Dir, err)
	}
	e.sweeper.start(e)
	return e, nil
}

// Close stops the engine's own work. The store stays open: it is the caller's.
func (e *Engine) Close() error {
	e.closing.Do(func() {
		e.sweeper.stop()
		e.removals.stop()
	})
	return nil
}

// Now is the time by the engine's clock, UTC.
func (e *Engine) Now() time.Time { return e.clock.Now().UTC() }

// update applies what change puts into the batch as one step, waits until it is
// on disk, and then removes the bodies that change says are no longer needed.
// change runs under the engine's lock, so what it reads stays true; where it
// writes nothing, or refuses, update waits until what it may have read is on
// disk.
func (e *Engine) update(change func(*batch) (drop []Part, err error)) error {
	w, drop, err := e.apply(change)
	if err := cmp.Or(e.awaitBatch(w), err); err != nil {
		return err
	}
	e.removeBodiesLater(drop)
	return nil
}

// setBody adds to a batch what keeps a part: its bytes, or that its file is
// wanted.
func (e *Engine) setBody(b *batch, p Part) {
	switch {
	case !p.Inline:
		b.Set(e.space, bodyKey(p.ID), nil)
	case p.data != nil: // else they are there already
		b.Set(e.space, inlineKey(p.ID), p.data)
	}
}

// apply returns the write that the outcome rests on: change's own, or the last
// one that change can have seen.
func (e *Engine) apply(change func(*batch) ([]Part, error)) (appliedBatch, []Part, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	b := &batch{Batch: e.store.NewBatch(), e: e}
	drop, err := change(b)
	if err != nil {
		return e.lastApplied, nil, err
	}
	for _, p := range drop {
		if p.Inline {
			b.Delete(e.space, inlineKey(p.ID))
		} else {
			b.Delete(e.space, bodyKey(p.ID))
		}
	}
	if b.Empty() {
		return e.lastApplied, nil, nil
	}
	// Asked apart from Apply, whose ErrFull may also be of a batch that was
	// written: what is refused here surely isn't, so that its bodies can go.
	if err := e.writable(); err != nil {
		return e.lastApplied, nil, err
	}
	pending, err := b.Apply()
	if err != nil {
		return e.lastApplied, nil, err
	}
	e.lastApplied = appliedBatch{e.lastApplied.number + 1, pending}
	b.applied(e.lastApplied)
	return e.lastApplied, drop, nil
}

// removeOrphans removes the bodies that no record names.
func (e *Engine) removeOrphans() error {
	files, err := e.bodies.list()
	if err != nil {
		return err
	}
	var errs []error
	for _, id := range files {
		_, ok, err := e.space.Get(bodyKey(id))
		if err == nil && !ok {
			err = e.bodies.remove(id)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
