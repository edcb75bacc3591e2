// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html

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

// Algorithm is the name of a checksum algorithm, in upper case as in S3's headers.
type Algorithm string

// The checksum algorithms that are supported.
const (
	CRC32     Algorithm = "CRC32"
	CRC32C    Algorithm = "CRC32C"
	CRC64NVME Algorithm = "CRC64NVME"
	SHA1      Algorithm = "SHA1"
	SHA256    Algorithm = "SHA256"
)

// Algorithms are all that are supported.
var Algorithms = []Algorithm{CRC32, CRC32C, CRC64NVME, SHA1, SHA256}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Valid reports whether a is one of Algorithms.
func (a Algorithm) Valid() bool { return slices.Contains(Algorithms, a) }

// New returns a hash of a valid algorithm.
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

// ValidValue reports whether value is a checksum of the algorithm in base64.
func (a Algorithm) ValidValue(value string) bool {
	sum, err := base64.StdEncoding.DecodeString(value)
	return err == nil && len(sum) == a.New().Size()
}

// Checksum types: of the whole object, or of its parts' checksums.
const (
	FullObject = "FULL_OBJECT"
	Composite  = "COMPOSITE"
)

// Checksum is stored with an object or a part.
type Checksum struct {
	Algorithm Algorithm
	Value     string // base64; a composite one ends in -<parts>
	Type      string // FullObject or Composite
}

// ExpectedDigests is what a request says of its body. The zero value says nothing.
type ExpectedDigests struct {
	// MD5 is the Content-MD5; nil if none was sent.
	MD5 []byte
	// SHA256 is what the request's signature covers, lower-case hex; "" if
	// the payload isn't signed.
	SHA256 string
	// Algorithm is that of the checksum sent or, if none was, requested.
	Algorithm Algorithm
	// Value returns the checksum sent, in base64; nil or "" if none was. It is
	// called at the end of the body, because trailers come after it.
	Value func() string
	// Stored is the algorithm of the checksum to store; "": Algorithm or, if none
	// was sent, CRC64NVME, S3's default.
	Stored Algorithm
}

func (want ExpectedDigests) storedAlgorithm() Algorithm {
	return cmp.Or(want.Stored, want.Algorithm, CRC64NVME)
}
