package upload

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
)

func TestSpool(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, blockBytes, maxSpoolMemory - 1, maxSpoolMemory, maxSpoolMemory + 1, maxSpoolMemory + blockBytes} {
		content := make([]byte, size)
		_, _ = rand.NewChaCha8([32]byte{1}).Read(content)
		s := &spool{}
		for left := content; len(left) > 0; {
			n := min(len(left), 300_000)
			if k, err := s.Write(left[:n]); k != n || err != nil {
				t.Fatalf("write: %d, %v", k, err)
			}
			left = left[n:]
		}
		if inFile := s.file != nil; inFile != (size > maxSpoolMemory) {
			t.Errorf("%d bytes: in a file: %t", size, inFile)
		}
		for range 2 { // again, as after a failure
			got, err := io.ReadAll(io.NewSectionReader(s, 0, int64(size)))
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("%d bytes: read %d, which are others, or %v", size, len(got), err)
			}
		}
		b := make([]byte, 10)
		if n, err := s.ReadAt(b, int64(max(0, size-3))); n != min(3, size) || !errors.Is(err, io.EOF) {
			t.Errorf("at the end of %d bytes: %d, %v", size, n, err)
		}
		s.close()
		if n, err := s.ReadAt(b, 0); n > 0 || err == nil {
			t.Errorf("%d bytes, closed: read %d, %v", size, n, err)
		}
	}
}
