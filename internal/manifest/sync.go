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

	"github.com/errandhq/errand/internal/archive"
)

// A Placed is what Sync made of an entry. It tells whether somebody has changed it since.
type Placed struct {
	Kind     Kind  `json:"k"`
	Content  Hash  `json:"c,omitzero"` // of a file: of its chunks' hashes
	Size     int64 `json:"s,omitzero"`
	Modified int64 `json:"m,omitzero"` // Unix time in nanoseconds
	Changed  int64 `json:"i,omitzero"` // of the inode; 0 where the system doesn't say
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
	s := &syncer{tree: &tree{Unpacker: u, ctx: ctx, root: root, entries: entries}, old: old, same: map[string]Placed{}}
	s.at.tree = s.tree
	defer s.at.close()
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
	old   map[string]Placed
	at    fileWriter        // the directory of the last file
	chunk []byte            // of a file that is there
	write []*Entry          // files that are to be replaced
	same  map[string]Placed // files that are as they were
}

func (s *syncer) sync() (archive.Stats, error) {
	for _, step := range []func() error{
		s.removeOld,
		func() error { return s.each(Dir, s.syncDir) },
		func() error { return s.each(File, s.syncFile) },
		func() error { return s.writeFiles(s.write) },
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

// syncFile makes do with the file that is there, or removes it.
func (s *syncer) syncFile(e *Entry) error {
	dir, name, err := s.at.enter(e.Path)
	if err != nil {
		return err
	}
	info, err := dir.Lstat(name)
	if err == nil && info.Mode().IsRegular() {
		if done, err := s.reuse(e, existing{dir, name, info}); done || err != nil {
			return err
		}
	}
	if err := s.clear(e.Path); err != nil {
		return err
	}
	s.write = append(s.write, s.replaced(e))
	return nil
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
	delete(s.same, e.Target) // its inode changes
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
	all := make(map[string]Placed, len(s.entries))
	for i := range s.entries {
		e := &s.entries[i]
		if e.Kind != File {
			all[e.Path] = Placed{Kind: e.Kind}
			continue
		}
		if p, ok := s.same[e.Path]; ok {
			all[e.Path] = p
			continue
		}
		dir, name, err := s.at.enter(e.Path)
		if err != nil {
			return nil, err
		}
		info, err := dir.Lstat(name)
		if err != nil {
			return nil, err
		}
		all[e.Path] = place(e, info)
	}
	return all, nil
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
