package s3

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// bodies are the files that hold what objects and parts consist of. A file is
// written under tmp, fsynced, renamed into the directory, and the directory
// fsynced: so each file in it is whole, and is never changed again.
type bodies struct {
	fs             vfs.FS
	root, dir, tmp string

	// rooted is that root and dir are on the disk: synced with the first body that
	// is kept, since whoever created them may not have come as far.
	rootMu     sync.Mutex
	rootSynced bool

	// Files that someone reads aren't removed before they are closed: Windows
	// couldn't.
	mu            sync.Mutex
	readers       map[string]int
	removeAtClose map[string]bool
}

// openBodies opens the files in root and removes those never finished.
func openBodies(fs vfs.FS, root string) (*bodies, error) {
	b := &bodies{
		fs: fs, root: root, dir: fs.PathJoin(root, "bodies"), tmp: fs.PathJoin(root, "tmp"),
		readers: map[string]int{}, removeAtClose: map[string]bool{},
	}
	for _, dir := range []string{b.dir, b.tmp} {
		if err := fs.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	return b, b.removeTemporary()
}

func (b *bodies) removeTemporary() error {
	drafts, err := b.fs.List(b.tmp)
	if err != nil {
		return err
	}
	for _, id := range drafts {
		if err := b.fs.RemoveAll(b.fs.PathJoin(b.tmp, id)); err != nil {
			return err
		}
	}
	return nil
}

// syncDirs makes the names of bodies durable, and those of their directories.
func (b *bodies) syncDirs() error {
	return errors.Join(b.syncRoot(), b.syncDir(b.dir))
}

func (b *bodies) syncRoot() error {
	b.rootMu.Lock()
	defer b.rootMu.Unlock()
	if b.rootSynced {
		return nil
	}
	err := errors.Join(b.syncDir(b.root), b.syncDir(b.fs.PathDir(b.root)))
	b.rootSynced = err == nil
	return err
}

func (b *bodies) syncDir(dir string) error {
	d, err := b.fs.OpenDir(dir)
	if err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// newID returns a name that no body, part or upload has.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// A bodyWriter is a body being written. It ends with keep or discard.
type bodyWriter struct {
	b    *bodies
	id   string
	file vfs.File
}

func (b *bodies) create() (*bodyWriter, error) {
	id := newID()
	f, err := b.fs.Create(b.fs.PathJoin(b.tmp, id), vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, fmt.Errorf("create a body: %w", err)
	}
	// Write-back starts while the body still comes in, not all at the end.
	f = vfs.NewSyncingFile(f, vfs.SyncingFileOptions{BytesPerSync: 4 << 20, NoSyncOnClose: true})
	return &bodyWriter{b: b, id: id, file: f}, nil
}

func (d *bodyWriter) path() string { return d.b.fs.PathJoin(d.b.tmp, d.id) }

// Write may change p, as vfs.File's does.
func (d *bodyWriter) Write(p []byte) (int, error) { return d.file.Write(p) }

// commit makes the body one that open finds, also after a power cut.
func (d *bodyWriter) commit() error {
	if err := d.file.Sync(); err != nil {
		d.abort()
		return fmt.Errorf("sync a body: %w", err)
	}
	if err := d.file.Close(); err != nil {
		_ = d.b.fs.Remove(d.path())
		return fmt.Errorf("close a body: %w", err)
	}
	if err := d.b.fs.Rename(d.path(), d.b.path(d.id)); err != nil {
		_ = d.b.fs.Remove(d.path())
		return fmt.Errorf("keep a body: %w", err)
	}
	if err := d.b.syncDirs(); err != nil {
		_ = d.b.unlink(d.id)
		return err
	}
	return nil
}

// abort removes the draft. What it can't remove, the next Open does.
func (d *bodyWriter) abort() {
	_ = d.file.Close()
	_ = d.b.fs.Remove(d.path())
}

func (b *bodies) path(id string) string { return b.fs.PathJoin(b.dir, id) }

// acquire keeps a body from being removed until release.
func (b *bodies) acquire(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.readers[id]++
}

// release ends a hold, and removes the body if that was asked for meanwhile.
func (b *bodies) release(id string) error {
	if b.dropReader(id) {
		return b.unlink(id)
	}
	return nil
}

// dropReader reports whether the body is to be removed now.
func (b *bodies) dropReader(id string) (doomed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.readers[id]--; b.readers[id] > 0 {
		return false
	}
	doomed = b.removeAtClose[id]
	delete(b.readers, id)
	delete(b.removeAtClose, id)
	return doomed
}

// open opens a body that is held.
func (b *bodies) open(id string) (vfs.File, error) {
	f, err := b.fs.Open(b.path(id), vfs.SequentialReadsOption)
	if err != nil {
		return nil, fmt.Errorf("open a body: %w", err)
	}
	return f, nil
}

// remove removes a body, as soon as nobody reads it. Nobody may begin to: no
// record may name it any more.
func (b *bodies) remove(id string) error {
	if b.deferRemoval(id) {
		return nil
	}
	return b.unlink(id)
}

// deferRemoval leaves the removal to the last reader, and reports whether there is one.
func (b *bodies) deferRemoval(id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.readers[id] == 0 {
		return false
	}
	b.removeAtClose[id] = true
	return true
}

// unlink may take its time with a large file, so that no lock is held.
func (b *bodies) unlink(id string) error {
	if err := b.fs.Remove(b.path(id)); err != nil {
		return fmt.Errorf("remove a body: %w", err)
	}
	return nil
}

// list names all bodies.
func (b *bodies) list() ([]string, error) { return b.fs.List(b.dir) }
