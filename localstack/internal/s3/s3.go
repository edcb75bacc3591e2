// Package s3 is the engine of the embedded S3. A write is visible as a whole, and
// on disk when its operation returns. Package s3wire speaks the protocol. Errors
// are *awswire.Error with S3's codes, or failures of the engine.
package s3

import (
	"cmp"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/localstack/internal/engine"
)

// Space is the prefix of the engine's keys in the store.
const Space = 's'

// Config of an engine. Store and Dir belong together: one without the other is
// a damaged S3.
type Config struct {
	engine.Config
	Dir string // bodies, one file each; created if needed
	FS  vfs.FS // nil: the operating system's
	// OpaqueETags makes the ETag of a body whose SHA-256 is computed anyway of that. An MD5, which
	// takes twice as long, is not computed then. As in S3, where objects are encrypted with
	// SSE-KMS, an ETag tells contents apart, and is not their MD5.
	OpaqueETags bool
}

// An Engine is an open S3. It is safe for concurrent use.
type Engine struct {
	*engine.Frame
	bodies      *bodies
	opaqueETags bool

	// mu makes "check, then write" one step, and keeps a body from being
	// removed between the reading of its record and its opening.
	mu sync.RWMutex
	// lastApplied is the latest write, on disk or not yet. Guarded by mu.
	lastApplied  appliedBatch
	lastByStripe [stripes]appliedBatch // the latest of each stripe. Guarded by mu
	syncedNumber atomic.Uint64         // the number of the last write known to be on disk

	buckets sync.Map              // name → *Bucket, which is never changed. Written under mu
	uploads map[string]objectName // the unfinished ones, by ID. Guarded by mu

	removals chan struct{} // one element for each background removal
}

// Open opens the S3 of c, removes bodies that belong to no object, and starts
// to apply the buckets' lifecycle rules.
func Open(c Config) (*Engine, error) {
	if c.FS == nil {
		c.FS = vfs.Default
	}
	b, err := openBodies(c.FS, c.Dir)
	if err != nil {
		return nil, fmt.Errorf("open s3 in %s: %w", c.Dir, err)
	}
	e := &Engine{
		Frame: engine.New("s3", Space, c.Config), bodies: b, opaqueETags: c.OpaqueETags,
		uploads: map[string]objectName{}, removals: make(chan struct{}, maxRemovals),
	}
	if err := cmp.Or(e.checkFormat(), e.loadBuckets(), e.loadUploads(), e.removeOrphans()); err != nil {
		return nil, fmt.Errorf("open s3 in %s: %w", c.Dir, err)
	}
	applyNow := e.StartPass("lifecycle", untilMidnight, e.ApplyLifecycle)
	applyNow()
	return e, nil
}

// Now is the time by the engine's clock, UTC.
func (e *Engine) Now() time.Time { return e.Clock.Now().UTC() }

// update applies the batch that change fills, waits until it is on disk, and then
// removes the bodies of the parts in drop. change runs under the engine's lock. If
// it writes nothing, or fails, update waits until what it has read is on disk.
func (e *Engine) update(change func(*batch) (drop []Part, err error)) error {
	w, drop, err := e.apply(change)
	if err := cmp.Or(e.awaitUpdate(w), err); err != nil {
		return err
	}
	e.removeBodiesLater(drop)
	return nil
}

// setBody adds a part's bytes to a batch or, for a part in a file, the key that
// keeps the file from being removed as an orphan.
func (e *Engine) setBody(b *batch, p Part) {
	switch {
	case !p.Inline:
		b.Set(e.Keys, bodyKey(p.ID), nil)
	case p.data != nil: // else they are there already
		b.Set(e.Keys, inlineKey(p.ID), p.data)
	}
}

// apply returns the batch to wait for: the one that change filled, or the last one
// that change can have read.
func (e *Engine) apply(change func(*batch) ([]Part, error)) (appliedBatch, []Part, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	b := &batch{Batch: e.Store.NewBatch(), e: e}
	drop, err := change(b)
	if err != nil {
		return e.lastApplied, nil, err
	}
	for _, p := range drop {
		if p.Inline {
			b.Delete(e.Keys, inlineKey(p.ID))
		} else {
			b.Delete(e.Keys, bodyKey(p.ID))
		}
	}
	if b.Empty() {
		return e.lastApplied, nil, nil
	}
	// Checked before Apply, which can return ErrFull also for a batch that was
	// written. A batch refused here wasn't, so its bodies can be removed.
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

// removeOrphans removes bodies that belong to no object or part.
func (e *Engine) removeOrphans() error {
	files, err := e.bodies.list()
	if err != nil {
		return err
	}
	var errs []error
	for _, id := range files {
		_, ok, err := e.Keys.Get(bodyKey(id))
		if err == nil && !ok {
			err = e.bodies.remove(id)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
