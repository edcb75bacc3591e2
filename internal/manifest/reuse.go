package manifest

import (
	"errors"
	"io/fs"
	"os"
)

// existing is a file that is where an entry's file is to be.
type existing struct {
	dir  *os.Root
	name string
	info fs.FileInfo
}

// reuse leaves a file that has the entry's content, and gives one that has half of its
// chunks or more the others. It returns false if the file must be replaced.
func (s *fileSyncer) reuse(i int, x existing) (done bool, err error) {
	e := &s.entries[i]
	isWhole := x.info.Size() == e.Size
	is := place(e, x.info)
	if isWhole && s.old[e.Path] == is {
		return true, s.keep(i, x, is)
	}
	missing, ok := s.compare(e, x)
	switch {
	case !ok:
		return false, nil
	case isWhole && len(missing) == 0:
		return true, s.keep(i, x, is)
	}
	return s.patch(e, x, missing)
}

// keep leaves the content of a file.
func (s *fileSyncer) keep(i int, x existing, is Placed) error {
	mode := KeptMode(s.entries[i].Mode)
	if x.info.Mode().Perm() == mode {
		s.isSame[i], s.is[i] = true, is
		return nil
	}
	return x.dir.Chmod(x.name, mode)
}

// open opens the file, which a job's processes may have replaced meanwhile.
func (x existing) open(flag int) (*os.File, error) {
	f, err := x.dir.OpenFile(x.name, flag|nonBlocking, 0)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !os.SameFile(info, x.info) {
		return nil, errors.Join(err, errOther, f.Close())
	}
	return f, nil
}

// errOther: another file is there now.
var errOther = errors.New("another file")

// compare returns the chunks that a file doesn't have in their places. It returns false if
// these are more than half of them.
func (s *fileSyncer) compare(e *Entry, x existing) (missing []piece, ok bool) {
	if len(e.Chunks) < 2 && x.info.Size() != e.Size {
		return nil, false
	}
	f, err := x.open(os.O_RDONLY)
	if err != nil {
		return nil, false
	}
	defer f.Close()
	var at int64
	for _, h := range e.Chunks {
		n, ok := s.Content.Length(h)
		if !ok || s.ctx.Err() != nil {
			return nil, false
		}
		if p := (piece{h, at, n}); !s.hasChunk(f, p) {
			missing = append(missing, p)
		}
		if len(missing) > len(e.Chunks)/2 {
			return nil, false
		}
		at += int64(n)
	}
	return missing, at == e.Size
}

func (s *fileSyncer) hasChunk(f *os.File, p piece) bool {
	if cap(s.chunk) < p.length {
		s.chunk = make([]byte, p.length)
	}
	n, _ := f.ReadAt(s.chunk[:p.length], p.at)
	return n == p.length && HashOf(s.chunk[:p.length]) == p.hash
}

// patch writes the chunks that a file lacks. It returns false if that would change more
// than this file, or can't be done.
func (s *fileSyncer) patch(e *Entry, x existing, missing []piece) (done bool, err error) {
	if !hasOneName(x.info) {
		return false, nil
	}
	f, err := x.open(os.O_WRONLY)
	if err != nil {
		return false, nil //nolint:nilerr // a file that is read-only, or runs, is replaced
	}
	if err := errors.Join(s.writePieces(f, e, missing), f.Close()); err != nil {
		return false, err
	}
	return true, setAttributes(x.dir, x.name, s.replaced(e))
}

func (s *fileSyncer) writePieces(f *os.File, e *Entry, missing []piece) error {
	for _, p := range missing {
		b, err := s.read(s.ctx, p)
		if err != nil {
			return err
		}
		if _, err := f.WriteAt(b, p.at); err != nil {
			return err
		}
	}
	return f.Truncate(e.Size)
}
