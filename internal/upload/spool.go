package upload

import (
	"errors"
	"io"
	"os"
)

// spool holds a pack until it is sent: in memory if it is small, else in a temporary file.
type spool struct {
	mem  []byte
	file *os.File // nil: in memory
}

// maxSpoolMemory is the size of packs that are held in memory.
const maxSpoolMemory = 1 << 20

func (s *spool) Write(b []byte) (int, error) {
	if s.file == nil && len(s.mem)+len(b) <= maxSpoolMemory {
		s.mem = append(s.mem, b...)
		return len(b), nil
	}
	if s.file == nil {
		f, err := os.CreateTemp("", "errand-*.pack")
		if err != nil {
			return 0, err
		}
		_ = os.Remove(f.Name()) // where an open file can go, a crash leaves nothing
		s.file = f
		if _, err := f.Write(s.mem); err != nil {
			return 0, err
		}
		s.mem = nil
	}
	return s.file.Write(b)
}

// ReadAt implements io.ReaderAt.
func (s *spool) ReadAt(b []byte, off int64) (int, error) {
	if s.file != nil {
		return s.file.ReadAt(b, off)
	}
	if off >= int64(len(s.mem)) {
		return 0, io.EOF
	}
	n := copy(b, s.mem[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (s *spool) close() {
	if s.file != nil {
		_ = errors.Join(s.file.Close(), os.Remove(s.file.Name())) // a temporary file
	}
}
