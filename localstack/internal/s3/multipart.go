// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html

package s3

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"
)

// S3's limits on multipart uploads.
const (
	MaxPartNumber = 10000
	minPart       = 5 << 20 // bytes, of all parts but the last
)

// MultipartUpload is an unfinished multipart upload.
type MultipartUpload struct {
	Bucket, Key, ID string
	Initiated       time.Time
	// Algorithm is the one requested, or "". Then the object gets a CRC64NVME.
	Algorithm    Algorithm `json:",omitempty"`
	ChecksumType string    `json:",omitempty"`
	Properties
	// KeyChanged says that the key was written or deleted since the upload was
	// created. Then it can't be completed with a condition.
	KeyChanged bool `json:",omitempty"`
}

// UploadedPart is a part of an unfinished upload.
type UploadedPart struct {
	Part
	Number   int
	ETag     string
	Modified time.Time
	Checksum Checksum // as stored
	Sent     Checksum `json:"-"` // of the algorithm that the sender used
}

// CreateMultipartUpload creates u, and sets its ID and time.
// Errors: NoSuchBucket, KeyTooLongError, MetadataTooLarge, InvalidRequest.
func (e *Engine) CreateMultipartUpload(u *MultipartUpload) error {
	if err := checkNewObject(u.Key, u.Properties, 0); err != nil {
		return err
	}
	if err := u.setChecksumType(); err != nil {
		return err
	}
	u.Initiated = e.Now()
	u.ID = fmt.Sprintf("%016x", u.Initiated.UnixNano()) + newID()[:16] // lists are in the order of time
	return e.update(func(b *batch) ([]Part, error) {
		if _, err := e.findBucket(u.Bucket); err != nil {
			return nil, err
		}
		b.createdUploads = append(b.createdUploads, u)
		return nil, e.set(b, uploadKey(u.Bucket, u.Key, u.ID), u)
	})
}

// setChecksumType sets S3's default, and refuses types that the algorithm doesn't
// support.
func (u *MultipartUpload) setChecksumType() error {
	sha := u.Algorithm == SHA1 || u.Algorithm == SHA256
	switch {
	case u.Algorithm == "" && u.ChecksumType != "":
		return newError(400, "InvalidRequest", "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")
	case u.Algorithm == "":
	case u.ChecksumType == "" && u.Algorithm == CRC64NVME:
		u.ChecksumType = FullObject
	case u.ChecksumType == "":
		u.ChecksumType = Composite
	case sha && u.ChecksumType == FullObject, u.Algorithm == CRC64NVME && u.ChecksumType == Composite:
		return newError(400, "InvalidRequest", fmt.Sprintf("The %s checksum type cannot be used with the %s checksum algorithm.", u.ChecksumType, strings.ToLower(string(u.Algorithm))))
	}
	return nil
}

// MultipartUpload returns an unfinished upload. Errors: NoSuchBucket, NoSuchUpload.
func (e *Engine) MultipartUpload(bucket, key, id string) (*MultipartUpload, error) {
	u, err := e.findUpload(bucket, key, id)
	return u, cmp.Or(e.awaitAllSync(), err)
}

// findUpload is MultipartUpload without waiting for the disk.
func (e *Engine) findUpload(bucket, key, id string) (*MultipartUpload, error) {
	if _, err := e.findBucket(bucket); err != nil {
		return nil, err
	}
	var u MultipartUpload
	if ok, err := e.get(uploadKey(bucket, key, id), &u); err != nil {
		return nil, err
	} else if !ok {
		return nil, noSuchUpload(id)
	}
	return &u, nil
}

// UploadPartInput is the input of UploadPart.
type UploadPartInput struct {
	Bucket, Key, UploadID string
	Number                int
	Body                  io.Reader
	Size                  int64 // -1 if not known before its end
	Expected              ExpectedDigests
}

// UploadPart stores a part. It replaces a part of the same number.
// Errors: as PutObject's, and NoSuchUpload, InvalidArgument, InvalidRequest.
func (e *Engine) UploadPart(in UploadPartInput) (*UploadedPart, error) {
	if in.Number < 1 || in.Number > MaxPartNumber {
		return nil, invalidArgument("partNumber", fmt.Sprint(in.Number), "Part number must be an integer between 1 and 10000, inclusive")
	}
	if in.Size > MaxPut {
		return nil, tooLarge()
	}
	u, err := e.findUpload(in.Bucket, in.Key, in.UploadID)
	if err != nil {
		return nil, cmp.Or(e.awaitAllSync(), err)
	}
	if in.Expected.Algorithm == "" {
		in.Expected.Algorithm = u.Algorithm
	}
	in.Expected.Stored = u.storedAlgorithm()
	if u.Algorithm != "" && u.Algorithm != in.Expected.Algorithm {
		return nil, newError(400, "InvalidRequest", fmt.Sprintf("Checksum Type mismatch occurred, expected checksum Type: %s, actual checksum Type: %s",
			strings.ToLower(string(u.Algorithm)), strings.ToLower(string(in.Expected.Algorithm))))
	}
	body, d, err := e.storeBody(in.Body, in.Size, in.Expected)
	if err != nil {
		return nil, err
	}
	p := &UploadedPart{Part: body, Number: in.Number, ETag: d.etag(), Checksum: d.checksum(), Sent: d.sent(in.Expected)}
	err = e.update(func(b *batch) (drop []Part, err error) {
		// The upload may have been completed or aborted while the body came in.
		if _, err := e.findUpload(in.Bucket, in.Key, in.UploadID); err != nil {
			return nil, err
		}
		var old UploadedPart
		if ok, err := e.get(partKey(u.ID, p.Number), &old); err != nil {
			return nil, err
		} else if ok {
			drop = append(drop, old.Part)
		}
		p.Modified = e.Now()
		e.setBody(b, p.Part)
		return drop, e.set(b, partKey(u.ID, p.Number), p)
	})
	e.removeIfRefused(err, []Part{body})
	return p, err
}

// ListParts lists the parts of an upload after a part number, at most limit.
// Errors: NoSuchBucket, NoSuchUpload.
func (e *Engine) ListParts(bucket, key, id string, afterNumber, limit int) (u *MultipartUpload, parts []UploadedPart, more bool, err error) {
	defer func() { err = cmp.Or(e.awaitAllSync(), err) }()
	if u, err = e.findUpload(bucket, key, id); err != nil {
		return nil, nil, false, err
	}
	err = e.Keys.Scan(partKey(id, afterNumber+1), prefixEnd([]byte("p"+id)), func(_, v []byte) (bool, error) {
		if more = len(parts) >= limit; more {
			return false, nil
		}
		var p UploadedPart
		err := decode(v, &p)
		parts = append(parts, p)
		return true, err
	})
	return u, parts, more, err
}

// storedAlgorithm is the algorithm of the checksums stored with the parts.
func (u *MultipartUpload) storedAlgorithm() Algorithm { return cmp.Or(u.Algorithm, CRC64NVME) }

// AbortMultipartUpload deletes an upload and its parts.
// Errors: NoSuchBucket, NoSuchUpload.
func (e *Engine) AbortMultipartUpload(bucket, key, id string) error {
	return e.update(func(b *batch) ([]Part, error) {
		u, err := e.findUpload(bucket, key, id)
		if err != nil {
			return nil, err
		}
		return e.deleteUpload(b, u)
	})
}

// deleteUploads adds the deletion of the bucket's uploads that which selects to b,
// and returns their parts.
func (e *Engine) deleteUploads(b *batch, bucket string, which func(*MultipartUpload) bool) (drop []Part, err error) {
	prefix := []byte("u" + bucket + "\x00")
	err = e.Keys.Scan(prefix, prefixEnd(prefix), func(_, v []byte) (bool, error) {
		var u MultipartUpload
		if err := decode(v, &u); err != nil || !which(&u) {
			return err == nil, err
		}
		parts, err := e.deleteUpload(b, &u)
		drop = append(drop, parts...)
		return err == nil, err
	})
	return drop, err
}

// deleteUpload adds the deletion of an upload to b, and returns its parts.
func (e *Engine) deleteUpload(b *batch, u *MultipartUpload) (parts []Part, err error) {
	prefix := []byte("p" + u.ID)
	err = e.Keys.Scan(prefix, prefixEnd(prefix), func(_, v []byte) (bool, error) {
		var p UploadedPart
		err := decode(v, &p)
		parts = append(parts, p.Part)
		return true, err
	})
	b.DeleteRange(e.Keys, prefix, prefixEnd(prefix))
	b.Delete(e.Keys, uploadKey(u.Bucket, u.Key, u.ID))
	b.endedUploads = append(b.endedUploads, u.ID)
	return parts, err
}
