package s3

import (
	"encoding/base64"
	"fmt"
	"hash"
)

// checksumVerifier compares bytes read with the checksum of when they were stored. A
// nil one accepts all.
type checksumVerifier struct {
	sum  hash.Hash
	want Checksum
}

// ErrDamaged is the error of reading bytes that the disk has changed.
type ErrDamaged struct {
	Body      string
	Want, Got string // checksums, base64
	Algorithm Algorithm
}

func (e *ErrDamaged) Error() string {
	return fmt.Sprintf("body %s is damaged: its %s is %s, and was %s when it was stored", e.Body, e.Algorithm, e.Got, e.Want)
}

func newChecksumVerifier(want Checksum) *checksumVerifier {
	if want.Value == "" {
		return nil
	}
	return &checksumVerifier{want.Algorithm.New(), want}
}

func (v *checksumVerifier) write(p []byte) {
	if v != nil {
		v.sum.Write(p)
	}
}

func (v *checksumVerifier) verify(body string) error {
	if v == nil {
		return nil
	}
	got := base64.StdEncoding.EncodeToString(v.sum.Sum(nil))
	if got != v.want.Value {
		return &ErrDamaged{Body: body, Algorithm: v.want.Algorithm, Want: v.want.Value, Got: got}
	}
	return nil
}
