package s3

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"slices"
)

// digest computes the digests that are stored or compared, each once.
type digest struct {
	md5    hash.Hash // nil: the ETag is made of the SHA-256
	sums   map[Algorithm]hash.Hash
	stored Algorithm
}

func newDigest(want ExpectedDigests) *digest {
	d := &digest{md5: md5.New(), sums: map[Algorithm]hash.Hash{}, stored: want.storedAlgorithm()}
	d.add(d.stored)
	if want.Algorithm != "" {
		d.add(want.Algorithm)
	}
	if want.SHA256 != "" {
		d.add(SHA256)
	}
	return d
}

// add adds a checksum, before anything is written.
func (d *digest) add(a Algorithm) {
	if d.sums[a] == nil {
		d.sums[a] = a.New()
	}
}

// newDigest returns one without an MD5 if the engine's ETags need none for such a body.
func (e *Engine) newDigest(want ExpectedDigests) *digest {
	d := newDigest(want)
	if e.opaqueETags && want.MD5 == nil && d.sums[SHA256] != nil {
		d.md5 = nil
	}
	return d
}

// Write adds p to all hashes. It never fails.
func (d *digest) Write(p []byte) (int, error) {
	d.addSums(p)
	d.addMD5(p)
	return len(p), nil
}

func (d *digest) addMD5(p []byte) {
	if d.md5 != nil {
		d.md5.Write(p)
	}
}

// addSums adds p to all digests but the MD5. It may run beside addMD5.
func (d *digest) addSums(p []byte) {
	for _, sum := range d.sums {
		sum.Write(p)
	}
}

// etag is the MD5 in hex, without quotes; or of a SHA-256 as many bytes.
func (d *digest) etag() string {
	if d.md5 == nil {
		return hex.EncodeToString(d.sums[SHA256].Sum(nil)[:md5.Size])
	}
	return hex.EncodeToString(d.md5.Sum(nil))
}

// value is the checksum of a, which was computed.
func (d *digest) value(a Algorithm) string {
	return base64.StdEncoding.EncodeToString(d.sums[a].Sum(nil))
}

// check compares the body with what its sender said of it.
// Errors: XAmzContentSHA256Mismatch, BadDigest.
func (d *digest) checksum() Checksum {
	return Checksum{Algorithm: d.stored, Value: d.value(d.stored), Type: FullObject}
}

// sent is the checksum of the algorithm that the sender used, else the one stored.
func (d *digest) sent(want ExpectedDigests) Checksum {
	if want.Algorithm == "" {
		return d.checksum()
	}
	return Checksum{Algorithm: want.Algorithm, Value: d.value(want.Algorithm), Type: FullObject}
}

// check compares the body that went through d with what was said of it.
// Errors: XAmzContentSHA256Mismatch, BadDigest.
func (d *digest) check(want ExpectedDigests) error {
	if want.SHA256 != "" {
		if got := hex.EncodeToString(d.sums[SHA256].Sum(nil)); got != want.SHA256 {
			return newError(400, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.",
				"ClientComputedContentSHA256", want.SHA256, "S3ComputedContentSHA256", got)
		}
	}
	if want.MD5 != nil && !slices.Equal(want.MD5, d.md5.Sum(nil)) {
		return newError(400, "BadDigest", "The Content-MD5 you specified did not match what we received.",
			"ExpectedDigest", hex.EncodeToString(want.MD5), "CalculatedDigest", base64.StdEncoding.EncodeToString(d.md5.Sum(nil)))
	}
	if want.Value != nil {
		if v := want.Value(); v != "" && v != d.value(want.Algorithm) {
			return badDigest(string(want.Algorithm))
		}
	}
	return nil
}

// Check compares a body in memory with what its sender said of it.
// Errors: XAmzContentSHA256Mismatch, BadDigest.
func (want ExpectedDigests) Check(body []byte) error {
	d := newDigest(want)
	_, _ = d.Write(body)
	return d.check(want)
}
