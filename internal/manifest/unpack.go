package manifest

import (
	"context"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/errandhq/errand/internal/archive"
)

// Content gives the content of chunks to several goroutines. It checks the hash of what
// it gives, which must not be changed.
type Content interface {
	Chunk(ctx context.Context, h Hash) ([]byte, error)
	// Length is the length that the content of a chunk is said to have, if there is such
	// a chunk.
	Length(h Hash) (n int, ok bool)
}

// Unpacker makes a folder from a manifest.
type Unpacker struct {
	Limits  archive.Limits
	Content Content
	// Now is this machine's time: see archive.KeepBefore.
	Now time.Time
}

// Unpack makes the entries in dir, which it creates if needed and which has to be empty.
// It may change their times.
//
// It doesn't trust the manifest. It makes only files, directories and links; none of them
// outside of dir, through a link, over an existing file or beyond the limits. Symbolic
// links may point anywhere. It sets the modes of the entries as they are, without the
// set-ID bits of files.
//
// Errors of an entry are an archive.EntryError. After an error dir holds a part of the
// folder: remove it.
func (u Unpacker) Unpack(ctx context.Context, entries []Entry, dir string) (archive.Stats, error) {
	if err := u.check(entries); err != nil {
		return archive.Stats{}, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return archive.Stats{}, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return archive.Stats{}, err
	}
	defer func() { _ = root.Close() }() // nothing is buffered
	return u.unpack(ctx, entries, root)
}

// UnpackInto is Unpack into an open directory.
func (u Unpacker) UnpackInto(ctx context.Context, entries []Entry, root *os.Root) (archive.Stats, error) {
	if err := u.check(entries); err != nil {
		return archive.Stats{}, err
	}
	return u.unpack(ctx, entries, root)
}

func (u Unpacker) unpack(ctx context.Context, entries []Entry, root *os.Root) (archive.Stats, error) {
	times := make([]*time.Time, len(entries))
	for i := range entries {
		times[i] = &entries[i].ModTime
	}
	archive.KeepBefore(u.Now, times)
	t := &tree{Unpacker: u, ctx: ctx, root: root, entries: entries}
	return t.make()
}

// tree is a folder that is being made.
type tree struct {
	Unpacker
	ctx     context.Context
	root    *os.Root
	entries []Entry
	reading chan struct{} // limits the chunks of long files that are read at a time
}

// make makes directories and files first, so that none is written through a link; then
// links; and last it sets the modes and times of directories.
func (t *tree) make() (archive.Stats, error) {
	for _, step := range []func() error{
		func() error { return t.each(Dir, t.mkdir) },
		func() error { return t.writeFiles(t.files()) },
		func() error { return t.each(HardLink, t.hardLink) },
		func() error { return t.each(Symlink, t.symlink) },
		t.closeDirs,
	} {
		if err := step(); err != nil {
			return archive.Stats{}, err
		}
	}
	return t.stats(), nil
}

func (t *tree) stats() (s archive.Stats) {
	for i := range t.entries {
		switch e := &t.entries[i]; e.Kind {
		case Dir:
			s.Dirs++
		case File:
			s.Bytes += e.Size
			s.Files++
		case Symlink, HardLink:
			s.Files++
		}
	}
	return s
}

// each calls do for the entries of a kind, until the context has ended.
func (t *tree) each(k Kind, do func(e *Entry) error) error {
	for i := range t.entries {
		e := &t.entries[i]
		if e.Kind != k {
			continue
		}
		if err := t.step(e, do); err != nil {
			return err
		}
	}
	return nil
}

func (t *tree) step(e *Entry, do func(e *Entry) error) error {
	if t.ctx.Err() != nil {
		return context.Cause(t.ctx)
	}
	err := do(e)
	if err == nil || t.ctx.Err() != nil {
		return err
	}
	return &archive.EntryError{Name: e.Path, Err: archive.Collision(e.Path, t.paths, err)}
}

func (t *tree) paths(yield func(string) bool) {
	for i := range t.entries {
		if !yield(t.entries[i].Path) {
			return
		}
	}
}

func (t *tree) mkdir(e *Entry) error {
	if e.Path == "." {
		return nil
	}
	return t.root.Mkdir(e.Path, 0o700)
}

func (t *tree) hardLink(e *Entry) error { return t.root.Link(e.Target, e.Path) }

func (t *tree) symlink(e *Entry) error {
	if err := t.root.Symlink(e.Target, e.Path); err != nil {
		return err
	}
	return setLinkTime(t.root, e.Path, e.ModTime)
}

// closeDirs sets the times and modes of directories, the deepest first.
func (t *tree) closeDirs() error {
	return t.eachDirUp(func(e *Entry) error { return setAttributes(t.root, e.Path, e) })
}

// eachDirUp calls do for the directories, the deepest first.
func (t *tree) eachDirUp(do func(e *Entry) error) error {
	for i := range t.entries {
		e := &t.entries[len(t.entries)-1-i]
		if e.Kind != Dir {
			continue
		}
		if e.Path == "." {
			e.Mode |= 0o711 // for the job's commands, and programs of theirs that give up their rights
		}
		if err := t.step(e, do); err != nil {
			return err
		}
	}
	return nil
}

// setAttributes sets the time and, since that can make a file read-only, then the mode.
func setAttributes(root *os.Root, name string, e *Entry) error {
	if err := root.Chtimes(name, e.ModTime, e.ModTime); err != nil {
		return err
	}
	return root.Chmod(name, KeptMode(e.Mode|e.Kind.mode()))
}

func (k Kind) mode() fs.FileMode {
	if k == Dir {
		return fs.ModeDir
	}
	return 0
}

// Files are made by several goroutines, some files at a time.
const (
	unpackers  = 4
	batchFiles = 64
	batchBytes = 4 << 20
)

// files are the entries of files, in order.
func (t *tree) files() (all []*Entry) {
	for i := range t.entries {
		if e := &t.entries[i]; e.Kind == File {
			all = append(all, e)
		}
	}
	return all
}

// writeFiles makes files, which are not there.
func (t *tree) writeFiles(files []*Entry) error {
	ctx, fail := context.WithCancelCause(t.ctx)
	defer fail(nil)
	batches, reading := make(chan []*Entry), make(chan struct{}, unpackers)
	var workers sync.WaitGroup
	for range unpackers {
		workers.Go(func() {
			w := &fileWriter{tree: &tree{Unpacker: t.Unpacker, ctx: ctx, root: t.root, entries: t.entries, reading: reading}}
			defer w.close()
			for b := range batches {
				if err := w.files(b); err != nil {
					fail(err)
				}
			}
		})
	}
	for b := range batchesOf(files) {
		batches <- b
	}
	close(batches)
	workers.Wait()
	return context.Cause(ctx)
}

// batchesOf cuts a list of files.
func batchesOf(files []*Entry) func(yield func([]*Entry) bool) {
	return func(yield func([]*Entry) bool) {
		var b []*Entry
		var size int64
		for _, e := range files {
			b, size = append(b, e), size+e.Size
			if len(b) < batchFiles && size < batchBytes {
				continue
			}
			if !yield(b) {
				return
			}
			b, size = nil, 0
		}
		if len(b) > 0 {
			yield(b)
		}
	}
}
