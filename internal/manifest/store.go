package manifest

import (
	"encoding/binary"

	"github.com/klauspost/compress"
)

// How much isDense looks at. Shorter content is always compressed.
const (
	samples     = 8
	sampleBytes = 2 << 10
	minDense    = samples * sampleBytes * 4
	// Content that is compressed, encrypted or random has lower estimates than these; other
	// content, and of that only 7 bits of each byte, has higher ones.
	denseMean, denseMost = 0.1, 0.2
)

// isDense reports whether raw seems not to compress. Then zstd takes memory and saves nothing.
func isDense(raw []byte) bool {
	if len(raw) < minDense {
		return false
	}
	step, sum := (len(raw)-sampleBytes)/(samples-1), 0.0
	for i := range samples {
		e := compress.Estimate(raw[i*step:][:sampleBytes])
		if sum += e; e > denseMost {
			return false
		}
	}
	return sum/samples < denseMean
}

// maxBlockBytes is the most content of a block of a zstd frame.
const maxBlockBytes = 128 << 10

// store makes a zstd frame that has raw as it is (RFC 8878, 3.1.1). The pieces share its memory.
func store(raw []byte) (pieces [][]byte) {
	const sizeOf4Bytes, singleSegment = 2 << 6, 1 << 5
	head := binary.LittleEndian.AppendUint32(nil, 0xfd2fb528)
	head = binary.LittleEndian.AppendUint32(append(head, sizeOf4Bytes|singleSegment), uint32(len(raw)))
	for len(raw) > 0 {
		n := min(len(raw), maxBlockBytes)
		block := uint32(n) << 3 // of the type 0: raw
		if n == len(raw) {
			block |= 1 // the last one
		}
		head = append(head, byte(block), byte(block>>8), byte(block>>16))
		pieces = append(pieces, head, raw[:n:n])
		head, raw = nil, raw[n:]
	}
	return pieces
}
