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

// Upload is an unfinished multipart upload.
type Upload struct {
	Bucket, Key, ID string
	Initiated       time.Time
	// Algorithm is "" if none was asked for: the object gets a CRC64NVME then.
	Algorithm    Algorithm `json:",omitempty"`
	ChecksumType string    `json:",omitempty"`
	About
	// Overtaken says that the key was written or deleted since: conditional
	// completion is refused then.
	Overtaken bool `json:",omitempty"`
}

// UploadedPart is a part of an unfinished upload.
type UploadedPart struct {
	Part
	Number   int
	ETag     string
	Modified time.Time
	Checksum Checksum // as kept
	Sent     Checksum `json:"-"` // of the algorithm that the sender used
}

// CreateUpload begins u, whose ID and time it sets.
// Errors: NoSuchBucket, KeyTooLongError, MetadataTooLarge, InvalidRequest.
func (e *Engine) CreateUpload(u *Upload) error {
	if err := checkNew(u.Key, u.About, 0); err != nil {
		return err
	}
	if err := u.chooseType(); err != nil {
		return err
	}
	u.Initiated = e.Now()
	u.ID = fmt.Sprintf("%016x", u.Initiated.UnixNano()) + newID()[:16] // lists are in the order of time
	return e.update(func(b *batch) ([]Part, error) {
		if _, err := e.bucket(u.Bucket); err != nil {
			return nil, err
		}
		b.begun = append(b.begun, u)
		return nil, e.set(b, uploadKey(u.Bucket, u.Key, u.ID), u)
	})
}

// chooseType sets the checksum type that S3 takes by default, and refuses
// those that an algorithm can't have.
func (u *Upload) chooseType() error {
	sha := u.Algorithm == SHA1 || u.Algorithm == SHA256
	switch {
	case u.Algorithm == "" && u.ChecksumType != "":
		return fail(400, "InvalidRequest", "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")
	case u.Algorithm == "":
	case u.ChecksumType == "" && u.Algorithm == CRC64NVME:
		u.ChecksumType = FullObject
	case u.ChecksumType == "":
		u.ChecksumType = Composite
	case sha && u.ChecksumType == FullObject, u.Algorithm == CRC64NVME && u.ChecksumType == Composite:
		return fail(400, "InvalidRequest", fmt.Sprintf("The %s checksum type cannot be used with the %s checksum algorithm.", u.ChecksumType, strings.ToLower(string(u.Algorithm))))
	}
	return nil
}

// Upload returns an unfinished upload. Errors: NoSuchBucket, NoSuchUpload.
func (e *Engine) Upload(bucket, key, id string) (*Upload, error) {
	u, err := e.upload(bucket, key, id)
	return u, firstOf(e.settleAll(), err)
}

// upload is Upload for who doesn't tell of it before it is on disk.
func (e *Engine) upload(bucket, key, id string) (*Upload, error) {
	if _, err := e.bucket(bucket); err != nil {
		return nil, err
	}
	var u Upload
	if ok, err := e.get(uploadKey(bucket, key, id), &u); err != nil {
		return nil, err
	} else if !ok {
		return nil, noSuchUpload(id)
	}
	return &u, nil
}

// PartInput is a part to be.
type PartInput struct {
	Bucket, Key, UploadID string
	Number                int
	Body                  io.Reader
	Size                  int64 // -1 if not known before its end
	Expected              Expected
}

// PutPart stores a part, in place of one of the same number.
// Errors: as Put's, and NoSuchUpload, InvalidArgument, InvalidRequest.
func (e *Engine) PutPart(in PartInput) (*UploadedPart, error) {
	if in.Number < 1 || in.Number > MaxPartNumber {
		return nil, invalidArgument("partNumber", fmt.Sprint(in.Number), "Part number must be an integer between 1 and 10000, inclusive")
	}
	if in.Size > MaxPut {
		return nil, tooLarge()
	}
	u, err := e.upload(in.Bucket, in.Key, in.UploadID)
	if err != nil {
		return nil, e.settled(err)
	}
	if in.Expected.Algorithm == "" {
		in.Expected.Algorithm = u.Algorithm
	}
	in.Expected.Keep = u.keep()
	if u.Algorithm != "" && u.Algorithm != in.Expected.Algorithm {
		return nil, fail(400, "InvalidRequest", fmt.Sprintf("Checksum Type mismatch occurred, expected checksum Type: %s, actual checksum Type: %s",
			strings.ToLower(string(u.Algorithm)), strings.ToLower(string(in.Expected.Algorithm))))
	}
	body, d, err := e.storeBody(in.Body, in.Size, in.Expected)
	if err != nil {
		return nil, err
	}
	defer body.done()
	p := &UploadedPart{Part: body, Number: in.Number, ETag: d.etag(), Checksum: d.checksum(), Sent: d.sent(in.Expected)}
	err = e.update(func(b *batch) (drop []Part, err error) {
		// The upload may have been ended while the body came in.
		if _, err := e.upload(in.Bucket, in.Key, in.UploadID); err != nil {
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
	e.discardIfRefused(err, []Part{body})
	return p, err
}

// Parts lists the parts of an upload beyond a number, limit at most.
// Errors: NoSuchBucket, NoSuchUpload.
func (e *Engine) Parts(bucket, key, id string, afterNumber, limit int) (u *Upload, parts []UploadedPart, more bool, err error) {
	defer func() { err = firstOf(e.settleAll(), err) }()
	if u, err = e.upload(bucket, key, id); err != nil {
		return nil, nil, false, err
	}
	err = e.space.Scan(partKey(id, afterNumber+1), after([]byte("p"+id)), func(_, v []byte) (bool, error) {
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

// keep is the algorithm of the checksums that are kept of an upload's parts.
func (u *Upload) keep() Algorithm { return cmp.Or(u.Algorithm, CRC64NVME) }

// AbortUpload ends an upload and drops its parts.
// Errors: NoSuchBucket, NoSuchUpload.
func (e *Engine) AbortUpload(bucket, key, id string) error {
	return e.update(func(b *batch) ([]Part, error) {
		u, err := e.upload(bucket, key, id)
		if err != nil {
			return nil, err
		}
		return e.dropUpload(b, u)
	})
}

// dropUploads ends the bucket's uploads that which picks.
func (e *Engine) dropUploads(b *batch, bucket string, which func(*Upload) bool) (drop []Part, err error) {
	prefix := []byte("u" + bucket + "\x00")
	err = e.space.Scan(prefix, after(prefix), func(_, v []byte) (bool, error) {
		var u Upload
		if err := decode(v, &u); err != nil || !which(&u) {
			return err == nil, err
		}
		parts, err := e.dropUpload(b, &u)
		drop = append(drop, parts...)
		return err == nil, err
	})
	return drop, err
}

// dropUpload removes the records of an upload and returns its bodies.
func (e *Engine) dropUpload(b *batch, u *Upload) (parts []Part, err error) {
	prefix := []byte("p" + u.ID)
	err = e.space.Scan(prefix, after(prefix), func(_, v []byte) (bool, error) {
		var p UploadedPart
		err := decode(v, &p)
		parts = append(parts, p.Part)
		return true, err
	})
	b.DeleteRange(e.space, prefix, after(prefix))
	b.Delete(e.space, uploadKey(u.Bucket, u.Key, u.ID))
	b.ended = append(b.ended, u.ID)
	return parts, err
}
