package s3wire

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// What was encoded is decoded, however it was cut into chunks and comes in; of
// an encoding cut short nothing is taken for whole.
func TestChunkedReader(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "data")
		var enc bytes.Buffer
		for rest := data; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "chunk")
			fmt.Fprintf(&enc, "%x;chunk-extension=1\r\n%s\r\n", n, rest[:n])
			rest = rest[n:]
		}
		enc.WriteString("0\r\nX-Amz-Checksum-Crc32: abc \r\n\r\n")
		var in io.Reader = bytes.NewReader(enc.Bytes())
		if rapid.Bool().Draw(t, "slow") {
			in = iotest.OneByteReader(in)
		}
		r := newChunkedReader(in, nil)
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%q, %v, want %q", got, err, data)
		}
		if r.trailers["x-amz-checksum-crc32"] != "abc" {
			t.Fatalf("trailers %v", r.trailers)
		}
		// Without the last chunk's line it isn't whole.
		end := bytes.LastIndex(enc.Bytes(), []byte("0\r\nX-Amz"))
		cut := rapid.IntRange(0, end+2).Draw(t, "cut")
		if got, err := io.ReadAll(newChunkedReader(bytes.NewReader(enc.Bytes()[:cut]), nil)); err == nil {
			t.Fatalf("cut at %d of %d: %q taken for whole", cut, enc.Len(), got)
		}
	})
}
