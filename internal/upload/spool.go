package upload

import (
	"errors"
	"io"
	"os"
	"sync"
)

// spool holds a pack until it is sent: in memory as far as there is some left, then in a
// temporary file.
type spool struct {
	memory *memory
	blocks [][]byte
	held   int64    // bytes in blocks
	file   *os.File // what follows; nil: nothing does

	// mu keeps the blocks until nobody reads them: a request's body may be read after the request
	// has failed.
	mu     sync.RWMutex
	closed bool
}

// memory lends blocks to the spools of a run.
type memory struct {
	mu   sync.Mutex
	lent int
	free [][]byte
}

const (
	blockBytes = 1 << 20
	// maxBlocks is enough for the packs of a folder of less than a gigabyte that wait at a time,
	// but for the largest ones.
	maxBlocks = 16
)

// take returns a block, or nil if all are lent.
func (m *memory) take() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lent == maxBlocks {
		return nil
	}
	m.lent++
	n := len(m.free)
	if n == 0 {
		return make([]byte, blockBytes)
	}
	b := m.free[n-1]
	m.free = m.free[:n-1]
	return b
}

func (m *memory) giveBack(blocks [][]byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lent -= len(blocks)
	m.free = append(m.free, blocks...)
}

func (s *spool) Write(b []byte) (n int, err error) {
	for n < len(b) && s.file == nil {
		at := s.held % blockBytes
		if at == 0 && !s.grow() {
			break
		}
		k := copy(s.blocks[len(s.blocks)-1][at:], b[n:])
		n, s.held = n+k, s.held+int64(k)
	}
	if n == len(b) {
		return n, nil
	}
	if err := s.createFile(); err != nil {
		return n, err
	}
	k, err := s.file.Write(b[n:])
	return n + k, err
}

// grow adds a block, if there is one.
func (s *spool) grow() bool {
	b := s.memory.take()
	if b == nil {
		return false
	}
	s.blocks = append(s.blocks, b)
	return true
}

func (s *spool) createFile() (err error) {
	if s.file != nil {
		return nil
	}
	if s.file, err = os.CreateTemp("", "errand-*.pack"); err != nil {
		return err
	}
	_ = os.Remove(s.file.Name()) // where an open file can go, a crash leaves nothing
	return nil
}

// ReadAt implements io.ReaderAt.
func (s *spool) ReadAt(b []byte, off int64) (n int, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return 0, os.ErrClosed
	}
	for n < len(b) && off < s.held {
		k := copy(b[n:], s.blocks[off/blockBytes][off%blockBytes:min(blockBytes, s.held-off/blockBytes*blockBytes)])
		n, off = n+k, off+int64(k)
	}
	switch {
	case n == len(b):
		return n, nil
	case s.file == nil:
		return n, io.EOF
	}
	k, err := s.file.ReadAt(b[n:], off-s.held)
	return n + k, err
}

func (s *spool) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.file != nil {
		_ = errors.Join(s.file.Close(), os.Remove(s.file.Name())) // a temporary file
	}
	s.memory.giveBack(s.blocks)
	s.blocks, s.held, s.file = nil, 0, nil
}
