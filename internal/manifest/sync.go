package manifest

import (
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/errandhq/errand/internal/archive"
)

// A Placed is what Sync made of an entry. It tells whether somebody has changed it since.
type Placed struct {
	Kind     Kind
	Content  Hash // of a file: of its chunks' hashes
	Size     int64
	Modified int64 // Unix time in nanoseconds
	Changed  int64 // of the inode; 0 where the system doesn't say
}

// Sync updates a folder to the entries. old is what the last Sync of the folder returned;
// others may have changed the folder since. Files that are not in old stay, unless an entry
// needs their place. A file that already has the entry's content keeps its time. A file
// that is replaced, or a long one that gets the chunks it lacks, gets the current time: with the entry's time, what was built from its
// last content could count as newer. In an empty folder, Sync does what Unpack does.
//
// Like Unpack, it trusts neither the entries nor what is there: no link is followed. After
// an error, the folder is a mixture: remove it.
func (u Unpacker) Sync(ctx context.Context, entries []Entry, root *os.Root, old map[string]Placed) (map[string]Placed, archive.Stats, error) {
	if err := u.check(entries); err != nil {
		return nil, archive.Stats{}, err
	}
	there, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, archive.Stats{}, err
	}
	s := &syncer{
		tree: &tree{Unpacker: u, ctx: ctx, root: root, entries: entries}, old: old,
		isSame: make([]bool, len(entries)), isReplaced: make([]bool, len(entries)), is: make([]Placed, len(entries)),
	}
	var stats archive.Stats
	if len(there) == 0 {
		stats, err = u.unpack(ctx, entries, root)
	} else {
		stats, err = s.sync()
	}
	if err != nil {
		return nil, stats, err
	}
	placed, err := s.placed()
	return placed, stats, err
}

type syncer struct {
	*tree
	old map[string]Placed
	// Of each entry:
	isSame     []bool // it is a file that is as it was
	isReplaced []bool // it is a file that is to be written
	is         []Placed
}

// fileSyncer is a goroutine's part of a syncer.
type fileSyncer struct {
	*syncer
	at    fileWriter // the directory of the last file
	chunk []byte     // of a file that is there
}

// syncEntries is how many entries a goroutine takes at a time.
const syncEntries = 256

// eachFile calls do for the files, some at a time, until the context has ended.
func (s *syncer) eachFile(do func(f *fileSyncer, i int) error) error {
	ctx, fail := context.WithCancelCause(s.ctx)
	defer fail(nil)
	var next atomic.Int64
	var work sync.WaitGroup
	for range min(unpackers, len(s.entries)/syncEntries+1) {
		work.Go(func() {
			part := *s
			t := *s.tree
			t.ctx, part.tree = ctx, &t
			f := &fileSyncer{syncer: &part, at: fileWriter{tree: &t}}
			defer f.at.close()
			for ctx.Err() == nil {
				end := int(next.Add(syncEntries))
				if end-syncEntries >= len(s.entries) {
					return
				}
				if err := f.files(end-syncEntries, min(end, len(s.entries)), do); err != nil {
					fail(err)
				}
			}
		})
	}
	work.Wait()
	return context.Cause(ctx)
}

func (f *fileSyncer) files(from, to int, do func(f *fileSyncer, i int) error) error {
	for i := from; i < to; i++ {
		if f.entries[i].Kind != File {
			continue
		}
		if err := f.step(&f.entries[i], func(*Entry) error { return do(f, i) }); err != nil {
			return err
		}
	}
	return nil
}

func (s *syncer) sync() (archive.Stats, error) {
	for _, step := range []func() error{
		s.removeOld,
		func() error { return s.each(Dir, s.syncDir) },
		func() error { return s.eachFile((*fileSyncer).sync) },
		func() error { return s.writeFiles(s.toWrite()) },
		func() error { return s.each(HardLink, s.syncHardLink) },
		func() error { return s.each(Symlink, s.syncLink) },
		s.setModes,
	} {
		if err := step(); err != nil {
			return archive.Stats{}, err
		}
	}
	return s.stats(), nil
}

// removeOld removes what was placed and has no entry any more: files and links that others
// have not made folders of, and empty folders. What is no name of a file here wasn't placed.
func (s *syncer) removeOld() error {
	if s.hasAllOld() {
		return nil
	}
	wanted := make(map[string]bool, len(s.entries))
	for i := range s.entries {
		wanted[s.entries[i].Path] = true
	}
	var gone []string
	for name := range s.old {
		if !wanted[name] && name != "." && CheckPath(name) == nil && filepath.IsLocal(name) {
			gone = append(gone, name)
		}
	}
	slices.SortFunc(gone, func(a, b string) int { return Compare(b, a) }) // what is in a folder, before it
	for _, name := range gone {
		if s.ctx.Err() != nil {
			return context.Cause(s.ctx)
		}
		if err := s.removePlaced(name, s.old[name].Kind); err != nil {
			return err
		}
	}
	return nil
}

// hasAllOld reports whether each old entry is still one.
func (s *syncer) hasAllOld() bool {
	n := 0
	for i := range s.entries {
		if _, ok := s.old[s.entries[i].Path]; ok {
			n++
		}
	}
	return n == len(s.old)
}

func (s *syncer) removePlaced(name string, kind Kind) error {
	if !s.isReal(path.Dir(name)) {
		return nil
	}
	info, err := s.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir() && kind != Dir {
		return nil
	}
	if err == nil {
		if err = s.root.Remove(name); errors.Is(err, fs.ErrPermission) && s.root.Chmod(path.Dir(name), 0o700) == nil { // a read-only directory
			err = s.root.Remove(name)
		}
	}
	if err != nil && (info == nil || !info.IsDir()) { // a directory with something in it stays
		return err
	}
	return nil
}

// isReal reports whether a path consists of directories alone, and no link.
func (s *syncer) isReal(dir string) bool {
	for ; dir != "."; dir = path.Dir(dir) {
		if info, err := s.root.Lstat(dir); err != nil || !info.IsDir() {
			return false
		}
	}
	return true
}

// clear makes room for an entry.
func (s *syncer) clear(name string) error {
	err := s.root.Remove(name)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	_ = fs.WalkDir(s.root.FS(), name, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			_ = s.root.Chmod(path, 0o700) // RemoveAll says what is wrong
		}
		return nil
	})
	return s.root.RemoveAll(name)
}

// syncDir makes a directory that the owner can change until setModes.
func (s *syncer) syncDir(e *Entry) error {
	if e.Path == "." {
		return s.root.Chmod(".", 0o700)
	}
	info, err := s.root.Lstat(e.Path)
	if err == nil && info.IsDir() {
		if info.Mode().Perm()&0o700 == 0o700 {
			return nil
		}
		return s.root.Chmod(e.Path, 0o700)
	}
	if err := s.clear(e.Path); err != nil {
		return err
	}
	return s.root.Mkdir(e.Path, 0o700)
}

// sync makes do with the file that is there, or removes it.
func (f *fileSyncer) sync(i int) error {
	e := &f.entries[i]
	dir, name, err := f.at.enter(e.Path)
	if err != nil {
		return err
	}
	info, err := dir.Lstat(name)
	if err == nil && info.Mode().IsRegular() {
		if done, err := f.reuse(i, existing{dir, name, info}); done || err != nil {
			return err
		}
	}
	if err := f.clear(e.Path); err != nil {
		return err
	}
	f.isReplaced[i] = true
	return nil
}

func (s *syncer) toWrite() (all []*Entry) {
	for i, is := range s.isReplaced {
		if is {
			all = append(all, s.replaced(&s.entries[i]))
		}
	}
	return all
}

// replaced is an entry whose content was another before.
func (s *syncer) replaced(e *Entry) *Entry {
	r := *e
	r.ModTime = s.Now
	return &r
}

func (s *syncer) syncHardLink(e *Entry) error {
	target, err1 := s.root.Lstat(e.Target)
	info, err2 := s.root.Lstat(e.Path)
	if err1 == nil && err2 == nil && os.SameFile(target, info) {
		return nil
	}
	if err := s.clear(e.Path); err != nil {
		return err
	}
	if i := find(s.entries, e.Target); i >= 0 {
		s.isSame[i] = false // its inode changes
	}
	return s.hardLink(e)
}

func (s *syncer) syncLink(e *Entry) error {
	if to, err := s.root.Readlink(e.Path); err == nil && to == e.Target {
		return nil
	}
	if err := s.clear(e.Path); err != nil {
		return err
	}
	return s.root.Symlink(e.Target, e.Path)
}

// setModes sets the modes of directories, the deepest first.
func (s *syncer) setModes() error {
	return s.eachDirUp(func(e *Entry) error { return s.root.Chmod(e.Path, KeptMode(e.Mode|fs.ModeDir)) })
}

// placed describes the entries as they are now.
func (s *syncer) placed() (map[string]Placed, error) {
	if err := s.eachFile((*fileSyncer).look); err != nil {
		return nil, err
	}
	all := make(map[string]Placed, len(s.entries))
	for i := range s.entries {
		e := &s.entries[i]
		if all[e.Path] = s.is[i]; e.Kind != File {
			all[e.Path] = Placed{Kind: e.Kind}
		}
	}
	return all, nil
}

func (f *fileSyncer) look(i int) error {
	if f.isSame[i] {
		return nil
	}
	e := &f.entries[i]
	dir, name, err := f.at.enter(e.Path)
	if err != nil {
		return err
	}
	info, err := dir.Lstat(name)
	if err == nil {
		f.is[i] = place(e, info)
	}
	return err
}

// ChangedBytes is the size of the files that Sync may have to write.
func ChangedBytes(entries []Entry, old map[string]Placed) (n int64) {
	for i := range entries {
		e := &entries[i]
		if e.Kind != File || old[e.Path].Content == contentOf(e) {
			continue
		}
		if n += e.Size; n < 0 {
			return math.MaxInt64
		}
	}
	return n
}

func contentOf(e *Entry) Hash {
	if len(e.Chunks) == 1 {
		return HashOf(e.Chunks[0][:])
	}
	sum := sha256.New()
	for i := range e.Chunks {
		_, _ = sum.Write(e.Chunks[i][:]) // a hash's writes don't fail
	}
	return Hash(sum.Sum(nil))
}

func place(e *Entry, info fs.FileInfo) Placed {
	return Placed{
		Kind: e.Kind, Content: contentOf(e), Size: info.Size(), Modified: info.ModTime().UnixNano(), Changed: changedAt(info),
	}
}
