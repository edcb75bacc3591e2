package s3

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"slices"
	"sync"
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

// The polynomial of CRC-64/NVME, reversed as hash/crc64 takes it.
var nvmeTable = crc64.MakeTable(0x9a6c9329ac4bc9b5)
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
		return crc64.New(nvmeTable)
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

// Expected is what the sender of a body says of it. The zero value says nothing.
type Expected struct {
	// MD5 is the Content-MD5; nil if none was sent.
	MD5 []byte
	// SHA256 is what the request's signature covers, lower-case hex; "" if
	// the payload isn't signed.
	SHA256 string
	// Algorithm is of the checksum to keep; "" lets the engine choose
	// CRC64NVME, as S3 does.
	Algorithm Algorithm
	// Value is the checksum sent, base64; nil or "" if none was. It is called
	// when the body has been read to its end, since trailers come after it.
	Value func() string
}

// digest computes what is kept of a body, and what is to be compared.
type digest struct {
	md5, sha256, sum hash.Hash // sha256 is nil where nobody asks
	algorithm        Algorithm
}

func newDigest(want Expected) *digest {
	d := &digest{md5: md5.New(), algorithm: want.Algorithm}
	if d.algorithm == "" {
		d.algorithm = CRC64NVME
	}
	d.sum = d.algorithm.New()
	switch {
	case want.SHA256 == "":
	case d.algorithm == SHA256:
		d.sha256 = d.sum
	default:
		d.sha256 = sha256.New()
	}
	return d
}

// Write computes the MD5, the slowest, beside the others where p is worth it.
func (d *digest) Write(p []byte) (int, error) {
	var wg sync.WaitGroup
	if len(p) >= 64<<10 {
		wg.Go(func() { d.md5.Write(p) })
	} else {
		d.md5.Write(p)
	}
	defer wg.Wait()
	d.sum.Write(p)
	if d.sha256 != nil && d.algorithm != SHA256 {
		d.sha256.Write(p)
	}
	return len(p), nil
}

// etag is the MD5 in hex, without quotes.
func (d *digest) etag() string { return hex.EncodeToString(d.md5.Sum(nil)) }

func (d *digest) checksum() Checksum {
	return Checksum{Algorithm: d.algorithm, Value: base64.StdEncoding.EncodeToString(d.sum.Sum(nil)), Type: FullObject}
}

// check compares the body that went through d with what was said of it.
// Errors: XAmzContentSHA256Mismatch, BadDigest.
func (d *digest) check(want Expected) error {
	if want.SHA256 != "" {
		if got := hex.EncodeToString(d.sha256.Sum(nil)); got != want.SHA256 {
			return fail(400, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.",
				"ClientComputedContentSHA256", want.SHA256, "S3ComputedContentSHA256", got)
		}
	}
	if want.MD5 != nil && !slices.Equal(want.MD5, d.md5.Sum(nil)) {
		return fail(400, "BadDigest", "The Content-MD5 you specified did not match what we received.",
			"ExpectedDigest", base64.StdEncoding.EncodeToString(want.MD5), "CalculatedDigest", base64.StdEncoding.EncodeToString(d.md5.Sum(nil)))
	}
	if want.Value != nil {
		if v := want.Value(); v != "" && v != d.checksum().Value {
			return badDigest(string(d.algorithm))
		}
	}
	return nil
}

// Check compares a body in memory with what its sender said of it.
// Errors: XAmzContentSHA256Mismatch, BadDigest.
func (want Expected) Check(body []byte) error {
	d := newDigest(want)
	_, _ = d.Write(body)
	return d.check(want)
}
