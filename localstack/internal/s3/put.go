// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html

package s3

import (
	"cmp"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// S3's limits on an object.
const (
	MaxPut      = 5 << 30 // bytes of one PUT or part
	MaxKey      = 1024    // bytes of a key
	maxMetadata = 2 << 10 // bytes of the user's metadata, names included
)

// PutObjectInput is the input of PutObject.
type PutObjectInput struct {
	Bucket, Key string
	Body        io.Reader
	Size        int64 // of Body; -1 if not known before its end
	Expected    ExpectedDigests
	Conditions  Conditions // IfMatch, IfNoneMatch
	Properties
}

// Properties are stored with an object; see Object.
type Properties struct {
	Headers, Metadata map[string]string
	Tags              []Tag
	StorageClass      string
}

// PutObject stores an object. When it returns nil, the object is on disk; when it
// fails, the object that was there before still is.
// Errors: NoSuchBucket, KeyTooLongError, MetadataTooLarge, EntityTooLarge,
// PreconditionFailed, IncompleteBody, BadDigest, XAmzContentSHA256Mismatch, those
// of Body.
func (e *Engine) PutObject(in PutObjectInput) (*Object, error) {
	if err := checkNewObject(in.Key, in.Properties, in.Size); err != nil {
		return nil, err
	}
	if err := in.Conditions.valid(); err != nil {
		return nil, err
	}
	// Checked before the body is read, so that a client that waits for
	// 100-continue needn't send it, and again when the object is written.
	if err := e.checkWrite(in.Bucket, in.Key, in.Conditions); err != nil {
		return nil, cmp.Or(e.awaitAllSync(), err)
	}
	part, d, err := e.storeBody(in.Body, in.Size, in.Expected)
	if err != nil {
		return nil, err
	}
	o := &Object{
		Key: in.Key, Size: part.Size, ETag: d.etag(), Checksum: d.checksum(),
		Parts: []Part{part},
	}
	o.setProperties(in.Properties)
	return o, e.commitObject(in.Bucket, o, in.Conditions)
}

func (o *Object) setProperties(a Properties) {
	o.Headers, o.Metadata, o.Tags, o.StorageClass = a.Headers, a.Metadata, a.Tags, a.StorageClass
}

func checkNewObject(key string, a Properties, size int64) error {
	meta := 0
	for k, v := range a.Metadata {
		meta += len(k) + len(v)
	}
	switch {
	case !utf8.ValidString(key):
		return newError(400, "InvalidURI", "Couldn't parse the specified URI.", "URI", strings.ToValidUTF8(key, "\ufffd"))
	case len(key) > MaxKey:
		return newError(400, "KeyTooLongError", "Your key is too long", "Size", len(key), "MaxSizeAllowed", MaxKey)
	case meta > maxMetadata:
		return newError(400, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size", "Size", meta, "MaxSizeAllowed", maxMetadata)
	case size > MaxPut:
		return tooLarge()
	}
	return CheckTags(a.Tags, MaxObjectTags)
}

func tooLarge() error {
	return newError(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", "MaxSizeAllowed", int64(MaxPut))
}

// checkWrite checks a write's conditions against what is at the key now.
func (e *Engine) checkWrite(bucket, key string, c Conditions) error {
	if c == (Conditions{}) {
		_, err := e.findBucket(bucket)
		return err
	}
	_, err := e.objectToReplace(bucket, key, c)
	return err
}

// objectToReplace returns the object at key, or nil, and checks a write's
// conditions. An expired object is replaced, but doesn't exist for conditions.
func (e *Engine) objectToReplace(bucket, key string, c Conditions) (*Object, error) {
	b, err := e.findBucket(bucket)
	if err != nil {
		return nil, err
	}
	old := &Object{}
	ok, err := e.getObject(bucket, key, old)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, c.checkWrite(nil, key)
	case b.expired(old, e.Now()):
		return old, c.checkWrite(nil, key)
	}
	return old, c.checkWrite(old, key)
}

// commitObject writes the record of o, whose parts are on disk already.
func (e *Engine) commitObject(bucket string, o *Object, c Conditions) error {
	err := e.update(func(b *batch) ([]Part, error) { return e.putObjectRecord(b, bucket, o, c) })
	e.removeIfRefused(err, o.Parts)
	return err
}

// putObjectRecord adds the record of o to the batch, and returns the parts of the
// object that it replaces.
func (e *Engine) putObjectRecord(b *batch, bucket string, o *Object, c Conditions) (drop []Part, err error) {
	old, err := e.objectToReplace(bucket, o.Key, c)
	if err != nil {
		return nil, err
	}
	if old != nil {
		drop = old.Parts
	}
	if err := e.markUploadsChanged(b, bucket, o.Key); err != nil {
		return nil, err
	}
	o.Modified = e.Now()
	for _, p := range o.Parts {
		e.setBody(b, p)
	}
	b.setObject(bucket, o)
	return drop, nil
}

// removeIfRefused removes new bodies if err says that their record wasn't
// written. After other errors the batch may still become durable, so the bodies
// must stay; if it doesn't, the next Open removes them.
func (e *Engine) removeIfRefused(err error, parts []Part) {
	var refused *awswire.Error
	if !errors.As(err, &refused) {
		return
	}
	e.removeBodies(parts)
}
