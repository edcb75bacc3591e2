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

// piece is a chunk of a file, and where it begins.
type piece struct {
	hash Hash
	at   int64
}

// reuse leaves a file that has the entry's content, and gives one that has half of its
// chunks or more the others. It returns false if the file must be replaced.
func (s *syncer) reuse(e *Entry, x existing) (done bool, err error) {
	isWhole := x.info.Size() == e.Size
	is := place(e, x.info)
	if isWhole && s.old[e.Path] == is {
		return true, s.keep(e, x, is)
	}
	missing, ok := s.compare(e, x)
	switch {
	case !ok:
		return false, nil
	case isWhole && len(missing) == 0:
		return true, s.keep(e, x, is)
	}
	return s.patch(e, x, missing)
}

// keep leaves the content of a file.
func (s *syncer) keep(e *Entry, x existing, is Placed) error {
	if x.info.Mode().Perm() == KeptMode(e.Mode) {
		s.same[e.Path] = is
		return nil
	}
	return x.dir.Chmod(x.name, KeptMode(e.Mode))
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
func (s *syncer) compare(e *Entry, x existing) (missing []piece, ok bool) {
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
		if !s.hasChunk(f, piece{h, at}, n) {
			missing = append(missing, piece{h, at})
		}
		if len(missing) > len(e.Chunks)/2 {
			return nil, false
		}
		at += int64(n)
	}
	return missing, at == e.Size
}

func (s *syncer) hasChunk(f *os.File, p piece, length int) bool {
	if cap(s.chunk) < length {
		s.chunk = make([]byte, length)
	}
	n, _ := f.ReadAt(s.chunk[:length], p.at)
	return n == length && HashOf(s.chunk[:length]) == p.hash
}

// patch writes the chunks that a file lacks. It returns false if that would change more
// than this file, or can't be done.
func (s *syncer) patch(e *Entry, x existing, missing []piece) (done bool, err error) {
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

func (s *syncer) writePieces(f *os.File, e *Entry, missing []piece) error {
	for _, p := range missing {
		b, err := s.Content.Chunk(s.ctx, p.hash)
		if err != nil {
			return err
		}
		if _, err := f.WriteAt(b, p.at); err != nil {
			return err
		}
	}
	return f.Truncate(e.Size)
}
