package s3

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/internal/durable"
	"github.com/errandhq/errand/localstack/internal/kv"
)

// bodies are the files that objects and parts consist of. A file is written in
// tmp and renamed into dir when it is on disk (see package durable). So each file
// in dir is whole, and it never changes.
type bodies struct {
	fs             vfs.FS
	files          durable.FS // fs
	root, dir, tmp string

	// rootSynced says that the names of root and dir are on disk. They are synced
	// with the first body, since Open creates them without a sync.
	rootMu     sync.Mutex
	rootSynced bool

	// Open files aren't removed until the last reader closes them: Windows
	// can't remove open files.
	mu            sync.Mutex
	readers       map[string]int
	removeAtClose map[string]bool

	damaged sync.Map // the IDs of those that reading has found to be, as keys
}

// openBodies opens the files in root, and removes those that were never committed.
func openBodies(fs vfs.FS, root string) (*bodies, error) {
	b := &bodies{
		fs: fs, files: kv.DurableFS(fs), root: root, dir: fs.PathJoin(root, "bodies"), tmp: fs.PathJoin(root, "tmp"),
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

// syncRoot makes the names of dir and of root permanent, once.
func (b *bodies) syncRoot() error {
	b.rootMu.Lock()
	defer b.rootMu.Unlock()
	if b.rootSynced {
		return nil
	}
	err := errors.Join(b.files.SyncDir(b.root), b.files.SyncDir(b.fs.PathDir(b.root)))
	b.rootSynced = err == nil
	return err
}

// newID returns a unique name for a body or an upload.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// A bodyWriter writes the file of a body. It ends with commit or abort.
type bodyWriter struct {
	bodies *bodies
	id     string
	file   vfs.File
}

func (b *bodies) create() (*bodyWriter, error) {
	id := newID()
	f, err := b.fs.Create(b.tempPath(id), vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, fmt.Errorf("create a body: %w", err)
	}
	// Write-back starts while the body still comes in, not all at the end.
	f = vfs.NewSyncingFile(f, vfs.SyncingFileOptions{BytesPerSync: 4 << 20, NoSyncOnClose: true})
	return &bodyWriter{bodies: b, id: id, file: f}, nil
}

// Write may change p, as vfs.File's does.
func (w *bodyWriter) Write(p []byte) (int, error) { return w.file.Write(p) }

// commit makes the body one that open finds, also after a power cut.
func (w *bodyWriter) commit() error {
	b := w.bodies
	err := durable.Commit(b.files, w.file, b.tempPath(w.id), b.path(w.id))
	if err = cmp.Or(err, b.syncRoot()); err != nil {
		_ = b.unlink(w.id) // it may have been renamed already
		return fmt.Errorf("write a body: %w", err)
	}
	return nil
}

// abort removes the file. What it can't remove, the next Open does.
func (w *bodyWriter) abort() {
	_ = w.file.Close()
	_ = w.bodies.fs.Remove(w.bodies.tempPath(w.id))
}

func (b *bodies) tempPath(id string) string { return b.fs.PathJoin(b.tmp, id) }
func (b *bodies) path(id string) string     { return b.fs.PathJoin(b.dir, id) }

// acquire prevents the removal of a body until release.
func (b *bodies) acquire(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.readers[id]++
}

// release removes the body if remove was called since acquire.
func (b *bodies) release(id string) error {
	if b.dropReader(id) {
		return b.unlink(id)
	}
	return nil
}

// dropReader reports whether the caller must remove the body.
func (b *bodies) dropReader(id string) (last bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.readers[id]--; b.readers[id] > 0 {
		return false
	}
	last = b.removeAtClose[id]
	delete(b.readers, id)
	delete(b.removeAtClose, id)
	return last
}

// open opens a body. The caller has acquired it.
func (b *bodies) open(id string) (vfs.File, error) {
	f, err := b.fs.Open(b.path(id), vfs.SequentialReadsOption)
	if err != nil {
		return nil, fmt.Errorf("open a body: %w", err)
	}
	return f, nil
}

// remove removes a body when its last reader closes it. No record may name it any
// more, so that there are no new readers.
func (b *bodies) remove(id string) error {
	if b.deferRemoval(id) {
		return nil
	}
	return b.unlink(id)
}

// deferRemoval has the last reader remove the body, and is false if there is none.
func (b *bodies) deferRemoval(id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.readers[id] == 0 {
		return false
	}
	b.removeAtClose[id] = true
	return true
}

// unlink is slow for a large file, so it holds no lock.
func (b *bodies) unlink(id string) error {
	if err := b.fs.Remove(b.path(id)); err != nil {
		return fmt.Errorf("remove a body: %w", err)
	}
	b.damaged.Delete(id)
	return nil
}

// isDamaged reports whether reading a part has found that the disk has changed it.
func (b *bodies) isDamaged(p Part) bool {
	_, damaged := b.damaged.Load(p.ID)
	return damaged
}

func (b *bodies) list() ([]string, error) { return b.fs.List(b.dir) }
