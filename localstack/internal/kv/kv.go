// Package kv is the one durable store of the embedded stack: ordered keys in a
// Pebble database, written in atomic batches that many callers' fsyncs share.
//
// Each engine owns a Space, a key prefix of its own. A batch may write to
// several spaces and is applied whole or not at all, also by a power cut.
package kv

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

var (
	// ErrLocked is returned by Open when another process has the directory open.
	ErrLocked = errors.New("the data directory is in use by another process")
	// ErrClosed is returned by all that comes after Close.
	ErrClosed = errors.New("the store is closed")
)

// Options of a store. The zero value is a durable store on the operating
// system's files.
type Options struct {
	// FS holds the files; tests give a crashable one. Nil is the OS's.
	FS vfs.FS
	// NoSync answers writes before they are on disk: for benchmarks that
	// price durability, and for throw-away stores.
	NoSync bool
	// Logf gets what the database has to say; nil drops it.
	Logf func(format string, args ...any)
}

// A Store is an open database. It is safe for concurrent use.
type Store struct {
	db     *pebble.DB
	cache  *pebble.Cache
	lock   *pebble.Lock // the database only borrows it
	dir    string
	noSync bool

	witness *witness
	syncer  syncer
	room    room
	failed  atomic.Pointer[error] // the first write or sync that failed

	gate   gate
	closed chan struct{} // closed when Close has synced, or failed to

	counters counters
}

// Open opens the database in dir, creating it if needed.
// Errors: ErrLocked; anything else is the disk's or a damaged file's.
func Open(dir string, o Options) (*Store, error) {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	above, err := makeDir(o.FS, dir)
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", dir, err)
	}
	lock, err := lockDir(o.FS, dir)
	if err != nil {
		return nil, err
	}
	witness, err := callWitness(dir, above, o)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	cache := newCache()
	p := options(dir, o, lock, cache)
	if !o.NoSync {
		p.FS = witnessed{p.FS, witness}
	}
	db, err := pebble.Open(dir, p)
	if err != nil {
		cache.Unref()
		return nil, errors.Join(openError(dir, err), witness.close(), lock.Close())
	}
	s := &Store{db: db, cache: cache, witness: witness, lock: lock, dir: dir, noSync: o.NoSync, room: room{fs: o.FS, dir: dir}, gate: gate{drained: make(chan struct{})}, closed: make(chan struct{})}
	s.syncer.sync = func() error { return syncLog(db) }
	return s, nil
}

// lockDir tells "someone else has it" from every other failure to open.
func lockDir(fs vfs.FS, dir string) (*pebble.Lock, error) {
	lock, err := pebble.LockDirectory(dir, fs)
	switch {
	case err == nil:
		return lock, nil
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	default:
		return nil, fmt.Errorf("%s: %w (%w)", dir, ErrLocked, err)
	}
}

// Close waits for the calls under way, syncs and closes the store. What was
// applied is on disk after it, also if nobody waits for it. Closing again does
// nothing.
func (s *Store) Close() error {
	if !s.gate.close() {
		return nil
	}
	defer close(s.closed)
	err := s.db.Close()
	if err != nil {
		err = s.fail("close the store", err)
	}
	s.cache.Unref()
	return errors.Join(err, s.witness.close(), s.lock.Close())
}

// Writable is nil unless writes are refused: ErrFull for as long as the disk
// is; for good, what a write has failed with. An engine asks before it changes
// what it has in memory.
func (s *Store) Writable() error {
	if err := s.failure(); err != nil {
		return err
	}
	return s.room.check()
}

// failure is what a write has failed with, if one has.
func (s *Store) failure() error {
	if err := s.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// fail notes that a write failed. None is tried after it: what the log holds
// from there on isn't known.
func (s *Store) fail(what string, err error) error {
	err = fmt.Errorf("%s: %w", what, translate(err))
	s.failed.CompareAndSwap(nil, &err)
	return err
}

// Space returns the keys that begin with prefix, which no other engine uses.
func (s *Store) Space(prefix byte) *Space { return &Space{store: s, from: s.db, prefix: prefix} }

// NewBatch returns an empty batch.
func (s *Store) NewBatch() *Batch { return &Batch{store: s, b: s.db.NewBatch()} }

// A Space is one engine's part of the store. Keys given to it and got from it
// are without the prefix.
type Space struct {
	store  *Store
	from   pebble.Reader // the database, or a snapshot of it
	prefix byte
}

// bounds turns a range of the space, nil meaning open, into one of the store.
func (sp *Space) bounds(lower, upper []byte) (lo, hi []byte) {
	room := append(append(make([]byte, 0, len(lower)+len(upper)+2), sp.prefix), lower...)
	lo = room[:len(room):len(room)]
	if upper == nil {
		return lo, append(room, sp.prefix+1)[len(lo):]
	}
	return lo, append(append(room, sp.prefix), upper...)[len(lo):]
}

// Scan calls f with the pairs of lower ≤ key < upper in order until f returns
// false or an error; nil bounds are open. The slices are f's only during the
// call. The view is one moment's: writes during the scan are not seen.
func (sp *Space) Scan(lower, upper []byte, f func(key, value []byte) (more bool, err error)) error {
	return sp.scan(lower, upper, (*pebble.Iterator).First, (*pebble.Iterator).Next, f)
}

// ScanBack is Scan from the last key to the first.
func (sp *Space) ScanBack(lower, upper []byte, f func(key, value []byte) (more bool, err error)) error {
	return sp.scan(lower, upper, (*pebble.Iterator).Last, (*pebble.Iterator).Prev, f)
}

func (sp *Space) scan(lower, upper []byte, first, next func(*pebble.Iterator) bool, f func(key, value []byte) (bool, error)) (err error) {
	if !sp.store.gate.enter() {
		return ErrClosed
	}
	defer sp.store.gate.leave()
	lo, hi := sp.bounds(lower, upper)
	it, err := sp.from.NewIter(&pebble.IterOptions{LowerBound: lo, UpperBound: hi})
	if err != nil {
		return sp.store.readError(err)
	}
	defer func() {
		sp.store.counters.scanned(it)
		if closeErr := it.Close(); closeErr != nil { // what has ended the loop, too
			err = errors.Join(err, sp.store.readError(closeErr))
		}
	}()
	for ok := first(it); ok; ok = next(it) {
		value, err := it.ValueAndErr()
		if err != nil {
			return sp.store.readError(err)
		}
		more, err := f(it.Key()[1:], value)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// A Batch collects writes. It is used by one goroutine, and once.
type Batch struct {
	store *Store
	b     *pebble.Batch
}

// Set writes value at key. Both are copied.
func (b *Batch) Set(sp *Space, key, value []byte) {
	op := b.b.SetDeferred(len(key)+1, len(value))
	op.Key[0] = sp.prefix
	copy(op.Key[1:], key)
	copy(op.Value, value)
	// A batch that isn't indexed can't fail to take it.
	_ = op.Finish()
}

// Delete removes key, if it is there.
func (b *Batch) Delete(sp *Space, key []byte) {
	op := b.b.DeleteDeferred(len(key) + 1)
	op.Key[0] = sp.prefix
	copy(op.Key[1:], key)
	_ = op.Finish()
}

// DeleteRange removes lower ≤ key < upper; nil bounds are open.
func (b *Batch) DeleteRange(sp *Space, lower, upper []byte) {
	lo, hi := sp.bounds(lower, upper)
	_ = b.b.DeleteRange(lo, hi, nil)
}

// Empty reports whether the batch holds no write.
func (b *Batch) Empty() bool { return b.b.Empty() }

// Commit applies the batch and returns once it is on disk.
func (b *Batch) Commit() error {
	if !b.store.gate.enter() {
		return ErrClosed
	}
	defer b.store.gate.leave()
	p, err := b.apply()
	if err != nil {
		return err
	}
	return p.sync()
}

// Apply makes the batch visible to readers and gives it its place in the log:
// batches become durable in the order of their Apply, so an engine calls it
// under its lock, and waits for the disk after letting go of it. What was
// applied must be waited for before anyone is told of it.
// Errors: ErrClosed; those of Writable. A refused batch changed nothing: this
// is for engines whose memory follows the store, as DynamoDB's and S3's.
func (b *Batch) Apply() (Pending, error) {
	if !b.store.gate.enter() {
		return Pending{}, ErrClosed
	}
	defer b.store.gate.leave()
	return b.apply()
}

// ApplyInReserve is Apply without a look at the disk, for an engine that has
// asked Writable and changed its memory since, as SQS does: the disk may have
// filled up meanwhile, and the reserve is there for that.
// Errors: ErrClosed; what a write has failed with.
func (b *Batch) ApplyInReserve() (Pending, error) {
	if !b.store.gate.enter() {
		return Pending{}, ErrClosed
	}
	defer b.store.gate.leave()
	return b.write(b.store.failure())
}

func (b *Batch) apply() (Pending, error) { return b.write(b.store.Writable()) }

// write puts the batch into the log, unless it is refused.
func (b *Batch) write(refused error) (Pending, error) {
	s := b.store
	if refused != nil {
		return Pending{}, fmt.Errorf("write the store: %w", refused)
	}
	s.room.use(b.b.Len())
	s.counters.applied(b.b)
	if err := s.db.Apply(b.b, pebble.NoSync); err != nil {
		return Pending{}, s.fail("write the store", err)
	}
	n := s.syncer.applied.Add(1)
	if err := b.b.Close(); err != nil || s.noSync {
		return Pending{}, err
	}
	return Pending{s, n}, nil
}

// Applied is all that was applied until now, on its way to the disk: for an
// answer that writes nothing, and promises what another call wrote.
func (s *Store) Applied() Pending {
	if s.noSync {
		return Pending{}
	}
	return Pending{s, s.syncer.applied.Load()}
}

// Pending is a batch on its way to the disk. The zero value is there already.
type Pending struct {
	s *Store
	n int64 // batches that were in the log with it
}

// Wait returns when the batch, and all applied before it, are on disk. Callers
// that wait at the same time share an fsync. It may be called within another
// call, also while Close waits for that. Once the store is closed, Close has
// synced what was applied: Wait returns then, with the error if it couldn't.
func (p Pending) Wait() error {
	if p.s == nil {
		return nil
	}
	if !p.s.gate.join() {
		<-p.s.closed
		return p.s.failure()
	}
	defer p.s.gate.leave()
	return p.sync()
}

func (p Pending) sync() error {
	if p.s == nil {
		return nil
	}
	if err := p.s.syncer.wait(p.n); err != nil {
		return p.s.fail("sync the store", err)
	}
	return nil
}
