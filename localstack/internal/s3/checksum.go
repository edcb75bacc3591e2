package s3

import (
	"cmp"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"slices"

	"github.com/minio/crc64nvme"
)

// Algorithm names a checksum as S3 does in its headers, in upper case.
type Algorithm string

// The checksums that S3 keeps of an object.
const (
	CRC32     Algorithm = "CRC32"
	CRC32C    Algorithm = "CRC32C"
	CRC64NVME Algorithm = "CRC64NVME"
	SHA1      Algorithm = "SHA1"
	SHA256    Algorithm = "SHA256"
)

// Algorithms are all that the engine computes.
var Algorithms = []Algorithm{CRC32, CRC32C, CRC64NVME, SHA1, SHA256}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Valid reports whether a is one of Algorithms.
func (a Algorithm) Valid() bool { return slices.Contains(Algorithms, a) }

// New returns a hash of the algorithm, which must be valid.
func (a Algorithm) New() hash.Hash {
	switch a {
	case CRC32:
		return crc32.NewIEEE()
	case CRC32C:
		return crc32.New(castagnoli)
	case SHA1:
		return sha1.New()
	case SHA256:
		return sha256.New()
	default:
		return crc64nvme.New() // 30 times as fast as hash/crc64
	}
}

// ValidValue reports whether value is base64 of as many bytes as a gives.
func (a Algorithm) ValidValue(value string) bool {
	sum, err := base64.StdEncoding.DecodeString(value)
	return err == nil && len(sum) == a.New().Size()
}

// Checksum types: of the whole object, or of its parts' checksums.
const (
	FullObject = "FULL_OBJECT"
	Composite  = "COMPOSITE"
)

// Checksum is what S3 keeps and gives back of an object's bytes.
type Checksum struct {
	Algorithm Algorithm
	Value     string // base64; a composite one ends in -<parts>
	Type      string // FullObject or Composite
}

// ExpectedDigests is what the sender of a body says of it. The zero value says nothing.
type ExpectedDigests struct {
	// MD5 is the Content-MD5; nil if none was sent.
	MD5 []byte
	// SHA256 is what the request's signature covers, lower-case hex; "" if
	// the payload isn't signed.
	SHA256 string
	// Algorithm is that of the checksum sent or, with none sent, wanted.
	Algorithm Algorithm
	// Value is the checksum sent, base64; nil or "" if none was. It is called
	// when the body has been read to its end, since trailers come after it.
	Value func() string
	// Stored is the algorithm of the checksum to keep; "": Algorithm or, with
	// none sent, CRC64NVME, as S3 does.
	Stored Algorithm
}

func (want ExpectedDigests) storedAlgorithm() Algorithm {
	return cmp.Or(want.Stored, want.Algorithm, CRC64NVME)
}
