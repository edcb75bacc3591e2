package manifest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"
)

func TestStore(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, maxBlockBytes - 1, maxBlockBytes, maxBlockBytes + 1, 1 << 20, MaxChunkBytes, MaxFrameBytes} {
		raw := randomBytes(9, n)
		frame := bytes.Join(store(raw), nil)
		if most := n + n/64 + 1<<10; len(frame) > most { // as readers demand
			t.Errorf("%d bytes take %d", n, len(frame))
		}
		if got, err := decompress(frame, n); err != nil || !bytes.Equal(got, raw) {
			t.Errorf("%d bytes: got %d other ones, %v", n, len(got), err)
		}
	}
}

// TestOnlyDenseContentIsStored: what zstd makes shorter is compressed.
func TestOnlyDenseContentIsStored(t *testing.T) {
	t.Parallel()
	random := randomBytes(10, 1<<20)
	text := []byte(strings.Repeat("It was a bright cold day in April. ", 1<<15))
	half := append(bytes.Clone(random[:600_000]), text[:400_000]...)
	digits, bits := bytes.Clone(random), bytes.Clone(random)
	var numbers, zipped bytes.Buffer
	for i, b := range random {
		digits[i] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/"[b%64]
		bits[i] &= 0x7f
		_, _ = fmt.Fprintf(&numbers, "%d %x,", i, b)
	}
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write(numbers.Bytes())
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		b     []byte
		dense bool
	}{
		{"random", random, true}, {"gzip", zipped.Bytes()[:1<<20], true}, {"text", text, false}, {"half text", half, false},
		{"digits", digits, false}, {"7 bits", bits, false}, {"zeros", make([]byte, 1<<20), false}, {"little", random[:1000], false},
	} {
		if got := isDense(tt.b); got != tt.dense {
			t.Errorf("%s: dense: %v", tt.name, got)
		}
		p := Packer{}
		p.Add(HashOf(tt.b), tt.b)
		pack := finish(&p, nil)
		x, err := ReadIndex(bytes.NewReader(pack.Data), pack.Size)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := x.Frames[0].Read(bytes.NewReader(pack.Data)); err != nil || !bytes.Equal(got, tt.b) {
			t.Errorf("%s: got %d bytes, want %d; %v", tt.name, len(got), len(tt.b), err)
		}
	}
}
