// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html

package s3

import (
	"cmp"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// CompleteMultipartUploadInput is the input of CompleteMultipartUpload.
type CompleteMultipartUploadInput struct {
	Bucket, Key, UploadID string
	Parts                 []CompletedPart // in order of their numbers
	Conditions            Conditions      // IfMatch, IfNoneMatch
	Checksum              string          // of the whole, base64; "": none sent
	Algorithm             Algorithm       // of Checksum
	ChecksumType          string          // "": none sent
	Size                  int64           // of the whole; -1: none sent
}

// CompletedPart names a part by what UploadPart returned.
type CompletedPart struct {
	Number   int
	ETag     string
	Checksum Checksum // zero: none sent
}

// CompleteMultipartUpload creates an object from uploaded parts. For an upload that
// is complete already it returns the same object, while that exists: a client that
// lost the response tries again.
// Errors: NoSuchBucket, NoSuchUpload, InvalidPart, InvalidPartOrder,
// EntityTooSmall, PreconditionFailed, BadDigest, InvalidRequest.
func (e *Engine) CompleteMultipartUpload(in CompleteMultipartUploadInput) (*Object, error) {
	if err := in.Conditions.valid(); err != nil {
		return nil, err
	}
	var o *Object
	err := e.update(func(b *batch) (drop []Part, err error) {
		u, err := e.findUpload(in.Bucket, in.Key, in.UploadID)
		if err == nil {
			o, drop, err = e.complete(b, u, in)
			return drop, err
		}
		// Read in the same step as the upload: another request could complete it
		// in between.
		if done, doneErr := e.getLiveObject(in.Bucket, in.Key); doneErr == nil && done.UploadID == in.UploadID {
			o, err = done, nil
		}
		return nil, err
	})
	return o, err
}

// complete adds the object of u to the batch, and returns the parts that it replaces
// or leaves out.
func (e *Engine) complete(b *batch, u *MultipartUpload, in CompleteMultipartUploadInput) (o *Object, drop []Part, err error) {
	if err := u.checkCompletion(&in); err != nil {
		return nil, nil, err
	}
	parts, err := e.findParts(u, in.Parts)
	if err != nil {
		return nil, nil, err
	}
	if o, err = assemble(u, parts, in); err != nil {
		return nil, nil, err
	}
	if drop, err = e.putObjectRecord(b, in.Bucket, o, in.Conditions); err != nil {
		return nil, nil, err
	}
	if u.KeyChanged && in.Conditions != (Conditions{}) {
		return nil, nil, in.Conditions.conflict(in.Key)
	}
	all, err := e.deleteUpload(b, u) // after put, which touches the uploads to the key
	return o, append(drop, partsExcept(all, o.Parts)...), err
}

// findParts reads the parts that a client lists.
func (e *Engine) findParts(u *MultipartUpload, list []CompletedPart) ([]UploadedPart, error) {
	for i := 1; i < len(list); i++ {
		if list[i].Number <= list[i-1].Number {
			return nil, newError(400, "InvalidPartOrder", "The list of parts was not in ascending order. Parts must be ordered by part number.", "UploadId", u.ID)
		}
	}
	var parts []UploadedPart
	for i, c := range list {
		var p UploadedPart
		ok, err := e.get(partKey(u.ID, c.Number), &p)
		if err != nil {
			return nil, err
		}
		if !ok || strings.Trim(c.ETag, `"`) != p.ETag || c.Checksum.Value != "" && c.Checksum.Value != p.Checksum.Value {
			return nil, newError(400, "InvalidPart", "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
				"UploadId", u.ID, "PartNumber", c.Number, "ETag", strings.Trim(c.ETag, `"`))
		}
		if i < len(list)-1 && p.Size < minPart {
			return nil, newError(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size",
				"ETag", p.ETag, "MinSizeAllowed", minPart, "PartNumber", c.Number, "ProposedSize", p.Size)
		}
		parts = append(parts, p)
	}
	return parts, nil
}

// checkCompletion compares the checksums in a request with what the upload was
// created with.
func (u *MultipartUpload) checkCompletion(in *CompleteMultipartUploadInput) error {
	if len(in.Parts) == 0 {
		return newError(400, "InvalidRequest", "You must specify at least one part")
	}
	if in.ChecksumType != "" && in.ChecksumType != u.ChecksumType {
		return newError(400, "InvalidRequest", fmt.Sprintf("The upload was created using the %s checksum mode. The complete request must use the same checksum mode.", cmp.Or(u.ChecksumType, "null")))
	}
	if u.Algorithm == "" {
		return nil
	}
	for _, p := range in.Parts {
		switch {
		case p.Checksum.Value == "" && u.ChecksumType == Composite:
			return newError(400, "InvalidRequest", fmt.Sprintf("The upload was created using a %s checksum. The complete request must include the checksum for each part. It was missing for part %d in the request.",
				strings.ToLower(string(u.Algorithm)), p.Number))
		case p.Checksum.Value != "" && p.Checksum.Algorithm != u.Algorithm:
			return newError(400, "BadDigest", fmt.Sprintf("The %s you specified for part %d did not match what we received.",
				strings.ToLower(string(p.Checksum.Algorithm)), p.Number))
		}
	}
	return nil
}

// assemble returns the object that parts make.
func assemble(u *MultipartUpload, parts []UploadedPart, in CompleteMultipartUploadInput) (*Object, error) {
	o := &Object{Key: u.Key, Multipart: true, UploadID: u.ID}
	o.setProperties(u.Properties)
	sums := md5.New()
	for _, p := range parts {
		sum, err := hex.DecodeString(p.ETag)
		if err != nil {
			return nil, fmt.Errorf("part %d: %w", p.Number, err)
		}
		sums.Write(sum)
		o.Size += p.Size
		if u.ChecksumType == Composite {
			p.Sum = p.Checksum.Value
		}
		o.Parts = append(o.Parts, p.Part)
	}
	o.ETag = fmt.Sprintf("%x-%d", sums.Sum(nil), len(parts))
	if in.Size >= 0 && in.Size != o.Size {
		return nil, newError(400, "InvalidRequest", "The provided 'x-amz-mp-object-size' header value "+strconv.FormatInt(in.Size, 10)+" does not match what was computed: "+strconv.FormatInt(o.Size, 10))
	}
	var err error
	if o.Checksum, err = objectChecksum(u, parts); err != nil {
		return nil, err
	}
	// S3 ignores a checksum of another algorithm than its default.
	// A composite one may be sent without its number of parts.
	value, _, _ := strings.Cut(o.Checksum.Value, "-")
	if ignored := u.Algorithm == "" && in.Algorithm != o.Checksum.Algorithm; in.Checksum != "" && in.Checksum != o.Checksum.Value && in.Checksum != value && !ignored {
		return nil, badDigest(strings.ToLower(string(o.Checksum.Algorithm)))
	}
	return o, nil
}

// objectChecksum computes the object's checksum from those of its parts.
func objectChecksum(u *MultipartUpload, parts []UploadedPart) (Checksum, error) {
	c := Checksum{Algorithm: u.storedAlgorithm(), Type: cmp.Or(u.ChecksumType, FullObject)}
	concat := c.Algorithm.New()
	var whole []byte
	for i, p := range parts {
		sum, err := base64.StdEncoding.DecodeString(p.Checksum.Value)
		if err != nil {
			return Checksum{}, fmt.Errorf("part %d: %w", p.Number, err)
		}
		concat.Write(sum)
		if i == 0 {
			whole = sum
		} else if c.Type == FullObject {
			whole = combineCRC(c.Algorithm, whole, sum, p.Size)
		}
	}
	if c.Type == FullObject {
		c.Value = base64.StdEncoding.EncodeToString(whole)
	} else {
		c.Value = fmt.Sprintf("%s-%d", base64.StdEncoding.EncodeToString(concat.Sum(nil)), len(parts))
	}
	return c, nil
}

// partsExcept returns the parts of all that aren't in kept.
func partsExcept(all, kept []Part) (rest []Part) {
	keep := map[string]bool{}
	for _, p := range kept {
		keep[p.ID] = true
	}
	for _, p := range all {
		if !keep[p.ID] {
			rest = append(rest, p)
		}
	}
	return rest
}
