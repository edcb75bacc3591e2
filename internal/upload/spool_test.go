package upload

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"testing"
)

// TestSpool: what was written is read, from memory and from a file, until the spool is closed.
func TestSpool(t *testing.T) {
	t.Parallel()
	random := rand.NewChaCha8([32]byte{2})
	m := &memory{}
	for _, tt := range []struct {
		size   int
		inFile bool
	}{{0, false}, {1, false}, {blockBytes, false}, {blockBytes + 1, false}, {maxBlocks * blockBytes, false}, {maxBlocks*blockBytes + 1, true}, {(maxBlocks + 3) * blockBytes, true}} {
		want := make([]byte, tt.size)
		_, _ = random.Read(want)
		s := &spool{memory: m}
		for rest := want; len(rest) > 0; {
			n := min(len(rest), 1+int(random.Uint64()%(3<<20)))
			if k, err := s.Write(rest[:n]); err != nil || k != n {
				t.Fatalf("wrote %d of %d bytes: %v", k, n, err)
			}
			rest = rest[n:]
		}
		if (s.file != nil) != tt.inFile {
			t.Errorf("%d bytes: in a file: %v", tt.size, s.file != nil)
		}
		if got, err := io.ReadAll(io.NewSectionReader(s, 0, int64(tt.size)+10)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("read %d other bytes, want %d; %v", len(got), tt.size, err)
		}
		for range 20 {
			at := int64(random.Uint64() % uint64(tt.size+1))
			b := make([]byte, random.Uint64()%(3<<20))
			n, err := s.ReadAt(b, at)
			if !bytes.Equal(b[:n], want[at:at+int64(n)]) || n < len(b) && (!errors.Is(err, io.EOF) || at+int64(n) != int64(tt.size)) {
				t.Errorf("%d bytes at %d of %d: %d, %v", len(b), at, tt.size, n, err)
			}
		}
		s.close()
		s.close()
		if n, err := s.ReadAt(make([]byte, 1), 0); n > 0 || !errors.Is(err, os.ErrClosed) {
			t.Errorf("when closed: %d, %v", n, err)
		}
	}
	if m.lent != 0 || len(m.free) != maxBlocks {
		t.Errorf("%d blocks are lent, %d are free", m.lent, len(m.free))
	}
}

// TestSpoolsShareTheirMemory: what one leaves, the others get.
func TestSpoolsShareTheirMemory(t *testing.T) {
	t.Parallel()
	m := &memory{}
	first, second, third := &spool{memory: m}, &spool{memory: m}, &spool{memory: m}
	for _, w := range []struct {
		s      *spool
		blocks int
		inFile bool
	}{{first, maxBlocks - 1, false}, {second, 2, true}, {third, 1, true}} {
		if _, err := w.s.Write(make([]byte, w.blocks*blockBytes)); err != nil || (w.s.file != nil) != w.inFile {
			t.Errorf("%d blocks: in a file: %v, %v", w.blocks, w.s.file != nil, err)
		}
	}
	first.close()
	fourth := &spool{memory: m}
	if _, err := fourth.Write(make([]byte, blockBytes)); err != nil || fourth.file != nil {
		t.Errorf("the memory that was given back isn't used: %v", err)
	}
	for _, s := range []*spool{second, third, fourth} {
		s.close()
	}
}
