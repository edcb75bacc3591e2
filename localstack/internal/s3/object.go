// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html

package s3

import (
	"cmp"
	"slices"
	"time"
)

// Object describes an object. Its bytes are in its parts.
type Object struct {
	Key      string
	Size     int64
	ETag     string // without quotes
	Modified time.Time
	Checksum Checksum
	// Headers are the ones that S3 returns as they were sent (Content-Type,
	// Content-Encoding, Cache-Control, …), by canonical name.
	Headers map[string]string `json:",omitempty"`
	// Metadata is user-defined, by lower-case name without x-amz-meta-.
	Metadata map[string]string `json:",omitempty"`
	Tags     []Tag             `json:",omitempty"`
	// StorageClass is "" for STANDARD. It has no effect here.
	StorageClass string `json:",omitempty"`
	// Parts hold the bytes, in order. Objects that weren't uploaded in parts have one.
	Parts []Part
	// Multipart is true for a multipart upload, also of a single part.
	Multipart bool `json:",omitempty"`
	// UploadID is the ID of the multipart upload that created the object.
	UploadID string `json:",omitempty"`
}

// Part is a body of an object.
type Part struct {
	ID   string
	Size int64
	// Sum is the part's checksum in base64, if the object's is composite.
	Sum string `json:",omitempty"`
	// CRC is the part's CRC64NVME in base64, by which what is read is verified: no other checksum
	// is that fast. It is empty for inline parts.
	CRC string `json:",omitempty"`
	// Inline says that the bytes are in the store, not in a file.
	Inline bool `json:",omitempty"`

	data []byte // of an inline part that isn't in the store yet
}

// GetObjectInput is the input of GetObject and HeadObject.
type GetObjectInput struct {
	Bucket, Key string
	Conditions  Conditions
	Range       *Range // nil: the whole
	PartNumber  int    // from 1; 0: not by part
}

// HeadObject returns an object and the span of it that GetObject would read.
// Errors: NoSuchBucket, NoSuchKey, PreconditionFailed, NotModified (304),
// InvalidRange. With NotModified and PreconditionFailed it also returns the object.
func (e *Engine) HeadObject(in GetObjectInput) (*Object, Span, error) {
	o, span, err := e.findObject(in)
	if o != nil && slices.ContainsFunc(o.Parts, e.bodies.isDamaged) {
		o.Checksum = Checksum{}
	}
	return o, span, cmp.Or(e.awaitObjectSync(in.Bucket, in.Key), err)
}

func (e *Engine) findObject(in GetObjectInput) (*Object, Span, error) {
	o, err := e.getLiveObject(in.Bucket, in.Key)
	if err != nil {
		return nil, Span{}, err
	}
	if err := in.Conditions.checkRead(o, e.Now()); err != nil {
		return o, Span{}, err
	}
	span, err := o.span(in)
	return o, span, err
}

// GetObject returns an object and its content, which the caller must close. The
// content stays readable when the object is overwritten or deleted meanwhile.
// Errors: as HeadObject's.
func (e *Engine) GetObject(in GetObjectInput) (*Object, *Content, error) {
	o, c, err := e.openObject(in)
	if failed := e.awaitObjectSync(in.Bucket, in.Key); failed != nil {
		if c != nil {
			_ = c.Close() // it was only read
		}
		return nil, nil, failed
	}
	return o, c, err
}

func (e *Engine) openObject(in GetObjectInput) (*Object, *Content, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	o, span, err := e.findObject(in)
	if err != nil {
		return o, nil, err
	}
	c, err := e.content(o, span)
	return o, c, err
}

// getLiveObject reads an object that hasn't expired.
func (e *Engine) getLiveObject(bucket, key string) (*Object, error) {
	b, err := e.findBucket(bucket)
	if err != nil {
		return nil, err
	}
	var o Object
	ok, err := e.getObject(bucket, key, &o)
	if err != nil {
		return nil, err
	}
	if !ok || b.expired(&o, e.Now()) {
		return nil, noSuchKey(key)
	}
	return &o, nil
}

// DeleteObject deletes an object, if there is one. Of c, only IfMatch counts.
// Errors: NoSuchBucket, PreconditionFailed.
func (e *Engine) DeleteObject(bucket, key string, c Conditions) error {
	errs, err := e.DeleteObjects(bucket, []ObjectIdentifier{{Key: key, Conditions: c}})
	if err != nil {
		return err
	}
	return errs[0]
}

// ObjectIdentifier names an object to delete.
type ObjectIdentifier struct {
	Key        string
	Conditions Conditions
	// OtherVersion says that a version is named that doesn't exist.
	OtherVersion bool
}

// DeleteObjects deletes objects in one step. errs has an entry for each, nil if
// it was deleted or didn't exist. Errors: NoSuchBucket.
func (e *Engine) DeleteObjects(bucket string, objects []ObjectIdentifier) (errs []error, err error) {
	err = e.update(func(b *batch) (drop []Part, err error) {
		if _, err := e.findBucket(bucket); err != nil {
			return nil, err
		}
		errs = make([]error, len(objects))
		done := map[string]bool{}
		for i, in := range objects {
			if in.OtherVersion {
				errs[i] = newError(404, "NoSuchVersion", "The specified version does not exist.")
				continue
			}
			var o Object
			ok, err := e.getObject(bucket, in.Key, &o)
			if err != nil {
				return nil, err
			}
			if !ok || done[in.Key] {
				continue
			}
			if errs[i] = in.Conditions.checkWrite(&o, in.Key); errs[i] != nil {
				continue
			}
			done[in.Key] = true
			if err := e.markUploadsChanged(b, bucket, in.Key); err != nil {
				return nil, err
			}
			b.deleteObject(bucket, in.Key)
			drop = append(drop, o.Parts...)
		}
		return drop, nil
	})
	return errs, err
}
