package manifest

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/restic/chunker"
)

// TestCutsAreTheLibrarys: chunks end where package chunker ends them, so that what was sent by
// any version is found again.
func TestCutsAreTheLibrarys(t *testing.T) {
	t.Parallel()
	random := randomBytes(7, 24<<20)
	var period []byte
	for range 100 {
		period = append(period, random[:100_001]...)
	}
	for name, b := range map[string][]byte{
		"random": random, "period": period, "zeros": make([]byte, 9<<20), "zeros, then random": append(make([]byte, 5<<20), random...),
		"a chunk of the least size": random[:MinChunkBytes], "one byte more": random[:MinChunkBytes+1], "of the most size": make([]byte, MaxChunkBytes),
	} {
		var got, want []int
		err := NewChunker().Cut(bytes.NewReader(b), func(_ Hash, data []byte) error {
			got = append(got, len(data))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		c := chunker.NewWithBoundaries(bytes.NewReader(b), polynomial, MinChunkBytes, MaxChunkBytes)
		c.SetAverageBits(averageBits)
		for {
			chunk, err := c.Next(nil)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, len(chunk.Data))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: the chunks have %v bytes, want %v", name, got, want)
		}
	}
}

// TestCutEndsWithItsReader: the error of a read comes out, whatever was read before.
func TestCutEndsWithItsReader(t *testing.T) {
	t.Parallel()
	damaged := errors.New("the disk failed")
	for _, n := range []int{0, 1, MinChunkBytes, MinChunkBytes + readBytes, 3 << 20} {
		r := io.MultiReader(bytes.NewReader(randomBytes(8, n)), iotest.ErrReader(damaged))
		if err := NewChunker().Cut(r, func(Hash, []byte) error { return nil }); !errors.Is(err, damaged) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}
