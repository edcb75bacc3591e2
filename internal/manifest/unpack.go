package manifest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
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

// check checks everything that can be known before something is written.
func (u *Unpacker) check(entries []Entry) error {
	u.Limits = u.Limits.WithDefaults()
	if len(entries) > u.Limits.MaxFiles {
		return fmt.Errorf("the manifest has %d entries, the limit is %d: %w", len(entries), u.Limits.MaxFiles, archive.ErrTooLarge)
	}
	c := checker{limits: u.Limits, left: u.Limits.MaxBytes}
	for i := range entries {
		c.before = entries[:i]
		if err := c.entry(&entries[i]); err != nil {
			return &archive.EntryError{Name: entries[i].Path, Err: err}
		}
	}
	return nil
}

// checker checks entries in their order.
type checker struct {
	limits archive.Limits
	left   int64
	before []Entry // which are in order
	last   string
	dirs   []string // the directory of the last entry, and those above it
}

func (c *checker) entry(e *Entry) error {
	if err := c.path(e); err != nil {
		return err
	}
	switch e.Kind {
	case Dir:
		c.dirs = append(c.dirs, e.Path)
	case File:
		if e.Size > c.left {
			return fmt.Errorf("the files have more than %d bytes: %w", c.limits.MaxBytes, archive.ErrTooLarge)
		}
		c.left -= e.Size
	case Symlink:
		if e.Target == "" || strings.ContainsRune(e.Target, 0) {
			return errors.New("the symbolic link's target is empty or contains a NUL byte")
		}
	case HardLink:
		if i := find(c.before, e.Target); i < 0 || c.before[i].Kind != File {
			return fmt.Errorf("the hard link names %q, which is not a file before it: %w", e.Target, ErrUnsafe)
		}
	}
	return nil
}

// find returns the index of a path's entry in entries that are in order; -1 if there is none.
func find(entries []Entry, path string) int {
	first := 0
	if len(entries) > 0 && entries[0].Path == "." { // whatever its name is before
		first = 1
	}
	i, ok := slices.BinarySearchFunc(entries[first:], path, func(e Entry, p string) int { return Compare(e.Path, p) })
	if !ok {
		return -1
	}
	return first + i
}

// path checks an entry's path. Paths ascend, so none stands twice, and a directory stands
// before what is in it, so nothing is written through a link.
func (c *checker) path(e *Entry) error {
	if err := CheckPath(e.Path); err != nil {
		return err
	}
	if e.Path == "." {
		if c.last != "" || e.Kind != Dir {
			return errors.New("the folder itself must be the first entry, and a directory")
		}
		c.last = "."
		return nil
	}
	if c.last != "" && c.last != "." && Compare(c.last, e.Path) >= 0 {
		return errors.New("the manifest has the entry twice, or not in order")
	}
	c.last = e.Path
	if depth := strings.Count(e.Path, "/") + 1; depth > c.limits.MaxDepth {
		return fmt.Errorf("the path has %d elements, the limit is %d: %w", depth, c.limits.MaxDepth, archive.ErrTooLarge)
	}
	if err := archive.CheckStorable(e.Path); err != nil {
		return err
	}
	return c.parent(path.Dir(e.Path))
}

func (c *checker) parent(dir string) error {
	if dir == "." {
		c.dirs = c.dirs[:0]
		return nil
	}
	for len(c.dirs) > 0 {
		if c.dirs[len(c.dirs)-1] == dir {
			return nil
		}
		c.dirs = c.dirs[:len(c.dirs)-1]
	}
	return fmt.Errorf("%q above it is not a directory of the manifest: %w", dir, ErrUnsafe)
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

// fileWriter makes files. It keeps the directory of the last one open.
type fileWriter struct {
	*tree
	path string
	dir  *os.Root
}

func (w *fileWriter) close() {
	if w.dir != nil {
		_ = w.dir.Close() // opened for its name
		w.dir = nil
	}
}

func (w *fileWriter) files(batch []*Entry) error {
	for _, e := range batch {
		if err := w.step(e, w.file); err != nil {
			return err
		}
	}
	return nil
}

// enter returns the directory of a path, and the name in it.
func (w *fileWriter) enter(p string) (in *os.Root, name string, err error) {
	dir, name := path.Split(p)
	if w.dir == nil || w.path != dir {
		w.close()
		if w.dir, err = w.root.OpenRoot(path.Clean(dir)); err != nil {
			w.dir = nil
			return nil, "", err
		}
		w.path = dir
	}
	return w.dir, name, nil
}

func (w *fileWriter) file(e *Entry) error {
	dir, name, err := w.enter(e.Path)
	if err != nil {
		return err
	}
	// O_EXCL also detects "A" and "a" on a case-insensitive file system.
	f, err := dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(w.write(f, e), f.Close()); err != nil {
		return err
	}
	return setAttributes(dir, name, e)
}

func (w *fileWriter) write(f *os.File, e *Entry) error {
	if len(e.Chunks) >= longFile {
		if all, ok := w.pieces(e); ok {
			return errors.Join(w.writeLong(f, all), f.Truncate(e.Size))
		}
	}
	var at int64
	for _, h := range e.Chunks {
		if w.ctx.Err() != nil {
			return context.Cause(w.ctx)
		}
		b, err := w.Content.Chunk(w.ctx, h)
		if err != nil {
			return err
		}
		if int64(len(b)) > e.Size-at {
			return fmt.Errorf("the file has more content than the %d bytes that the manifest says", e.Size)
		}
		if err := writeSparse(f, b, at); err != nil {
			return err
		}
		at += int64(len(b))
	}
	if at < e.Size {
		return fmt.Errorf("the file has content of %d bytes, and the manifest says %d", at, e.Size)
	}
	return f.Truncate(e.Size)
}

// longFile is how many chunks a file has that is written at several places at a time.
const longFile = 8

// piece is a chunk of a file, and where it begins.
type piece struct {
	hash   Hash
	at     int64
	length int
}

// read returns the content of a piece.
func (t *tree) read(ctx context.Context, p piece) ([]byte, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	b, err := t.Content.Chunk(ctx, p.hash)
	if err == nil && len(b) != p.length {
		err = errDamaged
	}
	return b, err
}

// pieces returns where the chunks of a file go. It returns false if they are not all there or have
// not the file's size.
func (w *fileWriter) pieces(e *Entry) (all []piece, ok bool) {
	var at int64
	for _, h := range e.Chunks {
		n, ok := w.Content.Length(h)
		if !ok || int64(n) > e.Size-at {
			return nil, false
		}
		all = append(all, piece{h, at, n})
		at += int64(n)
	}
	return all, at == e.Size
}

// writeLong writes pieces of a file, some at a time.
func (w *fileWriter) writeLong(f *os.File, all []piece) error {
	ctx, fail := context.WithCancelCause(w.ctx)
	defer fail(nil)
	var work sync.WaitGroup
	for _, p := range all {
		w.reading <- struct{}{} // whoever has one gives it back soon
		work.Go(func() {
			defer func() { <-w.reading }()
			b, err := w.read(ctx, p)
			if err == nil {
				err = writeSparse(f, b, p.at)
			}
			if err != nil {
				fail(err)
			}
		})
	}
	work.Wait()
	return context.Cause(ctx)
}

// holeBytes is the least length of zeros that is not written, and becomes a hole where
// the file system has them.
const holeBytes = 64 << 10

var zeros [holeBytes]byte

// writeSparse writes b at an offset, except for blocks of zeros.
func writeSparse(f *os.File, b []byte, at int64) error {
	for len(b) > 0 {
		n := dataLength(b)
		if n > 0 {
			if _, err := f.WriteAt(b[:n], at); err != nil {
				return err
			}
		} else {
			n = holeBytes
		}
		b, at = b[n:], at+int64(n)
	}
	return nil
}

// dataLength is the length of b up to its first block of zeros.
func dataLength(b []byte) int {
	for i := 0; len(b)-i >= holeBytes; i += holeBytes {
		if [holeBytes]byte(b[i:]) == zeros {
			return i
		}
	}
	return len(b)
}
