package upload

import (
	"errors"
	"io"
	"os"
	"sync"
)

// spool holds a pack until it is sent: in memory, or a large one in a temporary file. It
// can be read while it is closed: a request that has failed may still read its body.
type spool struct {
	mu     sync.RWMutex
	size   int64
	blocks []*block // all full but the last
	file   *os.File // has all; nil: blocks have
}

// maxSpoolMemory is the size of packs that are held in memory: those of most folders. At
// most uploads+2 packs are not sent yet.
const maxSpoolMemory = minPackTarget * 3 / 2

const blockBytes = 1 << 20

type block [blockBytes]byte

// spoolBlocks are used again: the system gives a process memory about as fast as a hash.
var spoolBlocks = sync.Pool{New: func() any { return new(block) }}

func (s *spool) Write(b []byte) (int, error) {
	if s.file == nil && s.size+int64(len(b)) > maxSpoolMemory {
		if err := s.moveToFile(); err != nil {
			return 0, err
		}
	}
	if s.file != nil {
		return s.file.Write(b)
	}
	for left := b; len(left) > 0; {
		at := s.size % blockBytes
		if at == 0 {
			s.blocks = append(s.blocks, spoolBlocks.Get().(*block))
		}
		n := copy(s.blocks[len(s.blocks)-1][at:], left)
		left, s.size = left[n:], s.size+int64(n)
	}
	return len(b), nil
}

func (s *spool) moveToFile() error {
	f, err := os.CreateTemp("", "errand-*.pack")
	if err != nil {
		return err
	}
	_ = os.Remove(f.Name()) // where an open file can go, a crash leaves nothing
	_, err = io.Copy(f, io.NewSectionReader(s, 0, s.size))
	s.freeBlocks()
	s.file = f
	return err
}

// ReadAt implements io.ReaderAt.
func (s *spool) ReadAt(b []byte, off int64) (n int, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.file != nil {
		return s.file.ReadAt(b, off)
	}
	for n < len(b) && off < s.size {
		at := off % blockBytes
		k := copy(b[n:], s.blocks[off/blockBytes][at:min(blockBytes, at+s.size-off)])
		n, off = n+k, off+int64(k)
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (s *spool) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.freeBlocks()
	if s.file != nil {
		_ = errors.Join(s.file.Close(), os.Remove(s.file.Name())) // a temporary file
	}
}

func (s *spool) freeBlocks() {
	for _, b := range s.blocks {
		spoolBlocks.Put(b)
	}
	s.blocks, s.size = nil, 0
}
