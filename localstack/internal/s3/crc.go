package s3

import "encoding/binary"

// combineCRC returns the CRC of A followed by B from those of A and B and the length
// of B in bytes. A CRC is linear over GF(2), so that of AB is that of A followed by
// as many zero bytes as B has, plus that of B. Appending a zero bit is a matrix; for
// n of them, it is raised to the power of n by squaring.
// Source: zlib's crc32_combine, by its description.
func combineCRC(a Algorithm, first, second []byte, length int64) []byte {
	poly, bits := crcPolynomial(a), len(first)*8
	crc := shiftCRC(bigEndian(first), poly, bits, uint64(length)*8) ^ bigEndian(second)
	out := make([]byte, 8)
	binary.BigEndian.PutUint64(out, crc)
	return out[8-len(first):]
}

// crcPolynomial returns the polynomial in reversed bit order.
func crcPolynomial(a Algorithm) uint64 {
	switch a {
	case CRC32:
		return 0xedb88320
	case CRC32C:
		return 0x82f63b78
	default:
		return 0x9a6c9329ac4bc9b5
	}
}

func bigEndian(b []byte) uint64 {
	var full [8]byte
	copy(full[8-len(b):], b)
	return binary.BigEndian.Uint64(full[:])
}

// matrix holds, for each bit of a CRC, what it contributes.
type matrix [64]uint64

func (m *matrix) times(v uint64) (sum uint64) {
	for i := 0; v != 0; i, v = i+1, v>>1 {
		if v&1 != 0 {
			sum ^= m[i]
		}
	}
	return sum
}

// shiftCRC returns the CRC after n more zero bits.
func shiftCRC(crc, poly uint64, bits int, n uint64) uint64 {
	var m matrix // over one zero bit: shift right, and the polynomial for what falls out
	m[0] = poly
	for i := 1; i < bits; i++ {
		m[i] = 1 << (i - 1)
	}
	for ; n != 0; n >>= 1 {
		if n&1 != 0 {
			crc = m.times(crc)
		}
		var square matrix
		for i := range bits {
			square[i] = m.times(m[i])
		}
		m = square
	}
	return crc
}
