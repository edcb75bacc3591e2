// Package kv is the durable store of the embedded stack: ordered keys in a
// Pebble database, written in atomic batches. Callers that commit at the same
// time share an fsync.
//
// Each engine has a Space, a key prefix of its own. A batch may write to several
// spaces. It is applied as a whole or not at all, also if the power is cut.
package kv

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/localstack/internal/gate"
)

var (
	// ErrLocked is returned by Open when another process has the directory open.
	ErrLocked = errors.New("the data directory is in use by another process")
	// ErrClosed is returned by all calls after Close.
	ErrClosed = errors.New("the store is closed")
)

// Options of a store. The zero value is a durable store on the operating
// system's files.
type Options struct {
	// FS holds the files; tests give a crashable one. Nil is the OS's.
	FS vfs.FS
	// NoSync acknowledges writes before they are on disk: for stores that are
	// thrown away, and for benchmarks of what durability costs.
	NoSync bool
	// Logf logs the database's errors; nil drops them.
	Logf func(format string, args ...any)
	// Failed, if set, is called once, with the reason, when a write or a sync has
	// failed and the store refuses all further writes.
	Failed func(error)
}

// A Store is an open database. It is safe for concurrent use.
type Store struct {
	db     *pebble.DB
	cache  *pebble.Cache
	lock   *pebble.Lock // the database only borrows it
	dir    string
	noSync bool

	tracker   *syncTracker
	syncer    syncer
	diskSpace *diskSpace
	patience  *patience
	failed    atomic.Pointer[error] // the first write or sync that failed
	onFailed  func(error)

	gate   *gate.Gate
	closed chan struct{} // closed when Close has synced, or failed to

	counters  counters
	reclaimer reclaimer
}

// Open opens the database in dir, creating it if needed.
// Errors: ErrLocked; anything else is the disk's or a damaged file's.
func Open(dir string, o Options) (*Store, error) {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if err := makeDir(o.FS, dir); err != nil {
		return nil, fmt.Errorf("create %s: %w", dir, err)
	}
	lock, err := lockDir(o.FS, dir)
	if err != nil {
		return nil, err
	}
	space, patience := &diskSpace{fs: o.FS, dir: dir}, newPatience(o.Logf)
	if err := space.checkOpen(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	tracker, err := openSyncTracker(dir, o)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	if err := createIfMissing(dir, o); err != nil {
		return nil, errors.Join(err, tracker.close(), lock.Close())
	}
	cache := pebble.NewCache(cacheSize(usableMemory()))
	p := options(o, lock, cache, space, patience)
	if !o.NoSync {
		p.FS = trackedFS{p.FS, tracker}
	}
	db, err := pebble.Open(dir, p)
	if err != nil {
		cache.Unref()
		return nil, errors.Join(openError(dir, err), tracker.close(), lock.Close())
	}
	s := &Store{
		db: db, cache: cache, tracker: tracker, lock: lock, dir: dir, noSync: o.NoSync,
		diskSpace: space, patience: patience, onFailed: o.Failed,
		gate: gate.New(), closed: make(chan struct{}),
	}
	patience.opened()
	s.syncer.sync, s.syncer.gate = func() error { return syncLog(db) }, s.gate
	return s, nil
}

// lockDir returns ErrLocked if another process has the lock.
func lockDir(fs vfs.FS, dir string) (*pebble.Lock, error) {
	lock, err := pebble.LockDirectory(dir, fs)
	switch {
	case err == nil:
		return lock, nil
	case isLockHeld(err):
		return nil, fmt.Errorf("%s: %w (%w)", dir, ErrLocked, err)
	default:
		return nil, fmt.Errorf("lock %s: %w", dir, translate(err))
	}
}

// isLockHeld reports whether a file's lock was refused because somebody holds it.
// Only errors of opening the file are an *os.PathError.
func isLockHeld(err error) bool {
	var opening *os.PathError
	var number syscall.Errno
	switch {
	case errors.As(err, &opening):
		return false
	case errors.As(err, &number):
		return slices.Contains(lockHeld, number)
	}
	return true // Pebble's own error, which has no type: this process holds it
}

// Close waits for the calls in progress, syncs and closes the store. All batches
// that were applied are on disk then, also those that nobody waits for. Closing
// again does nothing.
func (s *Store) Close() error {
	if !s.gate.Close() {
		return nil
	}
	defer close(s.closed)
	err := s.db.Close()
	if err != nil {
		err = s.fail("close the store", err)
	}
	s.cache.Unref()
	return errors.Join(err, s.tracker.close(), s.lock.Close())
}

// Writable returns the error that a write would fail with: ErrFull while the
// disk is full, or, once a write or a sync has failed, that error for good. An
// engine calls it before it changes its state in memory.
func (s *Store) Writable() error {
	if err := s.failure(); err != nil {
		return err
	}
	if err := s.Stalled(); errors.Is(err, ErrFull) {
		return err
	}
	return s.diskSpace.check()
}

// Stalled returns why the store waits in the middle of a write: the disk is full, or
// the process has no descriptors left. Until that has passed, Close doesn't return. It
// returns nil while the store works.
func (s *Store) Stalled() error { return s.patience.stalled() }

// failure returns the error of the first write or sync that failed.
func (s *Store) failure() error {
	if err := s.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// fail makes the store refuse all further writes: after a failed write or sync
// the content of the log isn't known.
func (s *Store) fail(what string, err error) error {
	err = fmt.Errorf("%s: %w", what, translate(err))
	if s.failed.CompareAndSwap(nil, &err) && s.onFailed != nil {
		s.onFailed(err)
	}
	return err
}

// Space returns the keys that begin with prefix, which no other engine uses.
func (s *Store) Space(prefix byte) *Space { return &Space{store: s, from: s.db, prefix: prefix} }

// NewBatch returns an empty batch.
func (s *Store) NewBatch() *Batch { return &Batch{store: s, b: s.db.NewBatch()} }

// A Space is one engine's part of the store. Its methods take and return keys
// without the prefix.
type Space struct {
	store  *Store
	from   pebble.Reader // the database, or a snapshot of it
	prefix byte
}

// bounds converts a range of the space to one of the store. A nil bound is open.
func (sp *Space) bounds(lower, upper []byte) (lo, hi []byte) {
	lo = append([]byte{sp.prefix}, lower...)
	if upper == nil {
		return lo, []byte{sp.prefix + 1}
	}
	return lo, append([]byte{sp.prefix}, upper...)
}

// Scan calls f with the pairs of lower ≤ key < upper in order until f returns
// false or an error. A nil bound is open. The slices are valid only during the
// call of f. Scan sees the store as of its start, and no later writes.
func (sp *Space) Scan(lower, upper []byte, f func(key, value []byte) (more bool, err error)) error {
	return sp.scan(lower, upper, (*pebble.Iterator).First, (*pebble.Iterator).Next, f)
}

// ScanBack is Scan from the last key to the first.
func (sp *Space) ScanBack(lower, upper []byte, f func(key, value []byte) (more bool, err error)) error {
	return sp.scan(lower, upper, (*pebble.Iterator).Last, (*pebble.Iterator).Prev, f)
}

func (sp *Space) scan(lower, upper []byte, first, next func(*pebble.Iterator) bool, f func(key, value []byte) (bool, error)) (err error) {
	if !sp.store.gate.Enter() {
		return ErrClosed
	}
	defer sp.store.gate.Leave()
	lo, hi := sp.bounds(lower, upper)
	it, err := sp.from.NewIter(&pebble.IterOptions{LowerBound: lo, UpperBound: hi})
	if err != nil {
		return sp.store.readError(err)
	}
	defer func() {
		sp.store.counters.scanned(it)
		if closeErr := it.Close(); closeErr != nil { // also the error that ended the loop
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

// A Batch collects writes. It is used once, by one goroutine.
type Batch struct {
	store     *Store
	b         *pebble.Batch
	deletions int
}

// Set writes value at key. Both are copied.
func (b *Batch) Set(sp *Space, key, value []byte) {
	op := b.b.SetDeferred(len(key)+1, len(value))
	op.Key[0] = sp.prefix
	copy(op.Key[1:], key)
	copy(op.Value, value)
	// Finish fails for indexed batches only.
	_ = op.Finish()
}

// Delete removes key, if it is there.
func (b *Batch) Delete(sp *Space, key []byte) {
	op := b.b.DeleteDeferred(len(key) + 1)
	op.Key[0] = sp.prefix
	copy(op.Key[1:], key)
	_ = op.Finish()
	b.deletions++
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
	if !b.store.gate.Enter() {
		return ErrClosed
	}
	defer b.store.gate.Leave()
	p, err := b.apply()
	if err != nil {
		return err
	}
	return p.sync(b.store.patience.stalledByDisk())
}

// Apply makes the batch visible to readers and appends it to the log, without
// waiting for the disk. Batches become durable in the order of their Apply, so an
// engine calls it under its lock, unlocks, and calls Pending.Wait before it
// acknowledges the write or shows it to a reader.
// Errors: ErrClosed; those of Writable. Then nothing has changed.
func (b *Batch) Apply() (Pending, error) {
	if !b.store.gate.Enter() {
		return Pending{}, ErrClosed
	}
	defer b.store.gate.Leave()
	return b.apply()
}

// ApplyInReserve is Apply also on a disk that is nearly full. It is for an engine
// that called Writable and has changed its memory since, as SQS does: if the disk
// filled up meanwhile, the batch is written into the reserve.
// Errors: ErrClosed; that of an earlier write or sync that failed.
func (b *Batch) ApplyInReserve() (Pending, error) {
	if !b.store.gate.Enter() {
		return Pending{}, ErrClosed
	}
	defer b.store.gate.Leave()
	return b.write(b.store.failure())
}

func (b *Batch) apply() (Pending, error) { return b.write(b.store.Writable()) }

// write puts the batch into the log, unless it is refused.
func (b *Batch) write(refused error) (Pending, error) {
	s := b.store
	if refused != nil {
		return Pending{}, fmt.Errorf("write the store: %w", refused)
	}
	s.diskSpace.use(b.b.Len())
	s.counters.applied(b.b)
	if err := s.db.Apply(b.b, pebble.NoSync); err != nil {
		return Pending{}, s.fail("write the store", err)
	}
	n := s.syncer.applied.Add(1)
	s.reclaim(b.deletions)
	if err := b.b.Close(); err != nil || s.noSync {
		return Pending{}, err
	}
	return Pending{s, n}, nil
}

// Applied returns a Pending for all batches applied so far: for a reader, whose
// answer shows what other calls wrote.
func (s *Store) Applied() Pending {
	if s.noSync {
		return Pending{}
	}
	return Pending{s, s.syncer.applied.Load()}
}

// Pending is a batch that was applied and may not be on disk. The zero value is
// on disk.
type Pending struct {
	s *Store
	n int64 // how many batches had been applied with it
}

// Wait returns when the batch, and all applied before it, are on disk. Callers
// that wait at the same time share an fsync. Wait may be called within another
// call, also while Close waits for that one. After Close, which syncs, it returns
// the error of that sync. Errors: ErrStalled.
func (p Pending) Wait() error {
	if p.s == nil {
		return nil
	}
	return p.wait(p.s.patience.stalledByDisk())
}

// WaitThrough is Wait that goes on waiting while the disk is full.
func (p Pending) WaitThrough() error { return p.wait(nil) }

func (p Pending) wait(stalled <-chan struct{}) error {
	if p.s == nil {
		return nil
	}
	if !p.s.gate.EnterClosing() {
		<-p.s.closed
		return p.s.failure()
	}
	defer p.s.gate.Leave()
	return p.sync(stalled)
}

func (p Pending) sync(stalled <-chan struct{}) error {
	if p.s == nil {
		return nil
	}
	err := p.s.syncer.wait(p.n, stalled)
	if errors.Is(err, ErrStalled) {
		return fmt.Errorf("sync the store: %w", err)
	}
	if err != nil {
		return p.s.fail("sync the store", err)
	}
	return nil
}
