package s3

import (
	"cmp"
	"time"
)

// Object is what is kept of an object beside its bytes.
type Object struct {
	Key      string
	Size     int64
	ETag     string // without quotes
	Modified time.Time
	Checksum Checksum
	// Headers are those that S3 gives back as they were sent: Content-Type,
	// Content-Encoding, Cache-Control, …, by canonical name.
	Headers map[string]string `json:",omitempty"`
	// Metadata is the user's, by lower-case name without x-amz-meta-.
	Metadata map[string]string `json:",omitempty"`
	Tags     []Tag             `json:",omitempty"`
	// StorageClass is as it was sent, "" for STANDARD. All are stored alike.
	StorageClass string `json:",omitempty"`
	// Parts are the bytes, in order: one unless it was a multipart upload.
	Parts []Part
	// Multipart says that it was one, if of a single part.
	Multipart bool `json:",omitempty"`
	// UploadID is that of the multipart upload it came from.
	UploadID string `json:",omitempty"`
}

// Part is a body that an object consists of.
type Part struct {
	ID   string
	Size int64
	// Sum is the part's checksum where the object's is a composite one, base64.
	Sum string `json:",omitempty"`
	// Inline says that the bytes are in the store, not in a file.
	Inline bool `json:",omitempty"`

	data []byte // of an inline part that isn't in the store yet
}

// GetObjectInput names an object, and what of it is wanted under which conditions.
type GetObjectInput struct {
	Bucket, Key string
	Conditions  Conditions
	Range       *Range // nil: the whole
	PartNumber  int    // from 1; 0: not by part
}

// HeadObject returns an object's record and, if asked for a range or a part, where
// it lies. Errors: NoSuchBucket, NoSuchKey, PreconditionFailed, NotModified
// (304), InvalidRange.
func (e *Engine) HeadObject(in GetObjectInput) (*Object, Span, error) {
	o, span, err := e.findObject(in)
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

// GetObject is Head with the bytes of the span, which the caller must close. They
// stay readable when the object is overwritten or deleted meanwhile.
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

// getLiveObject reads a record; an object past its lifecycle's expiry is gone.
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

// DeleteObject removes an object. Deleting one that isn't there succeeds.
// A condition in c that names an ETag must hold. Errors: NoSuchBucket,
// PreconditionFailed.
func (e *Engine) DeleteObject(bucket, key string, c Conditions) error {
	errs, err := e.DeleteObjects(bucket, []ObjectIdentifier{{Key: key, Conditions: c}})
	if err != nil {
		return err
	}
	return errs[0]
}

// ObjectIdentifier names one of the objects to delete.
type ObjectIdentifier struct {
	Key        string
	Conditions Conditions
	// OtherVersion says that a version is meant that isn't there.
	OtherVersion bool
}

// DeleteObjects deletes objects in one step; errs has an entry for each, nil
// where it succeeded. Errors: NoSuchBucket.
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
