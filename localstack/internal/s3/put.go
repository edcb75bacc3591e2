package s3

import (
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

// PutObjectInput is an object to be.
type PutObjectInput struct {
	Bucket, Key string
	Body        io.Reader
	Size        int64 // of Body; -1 if not known before its end
	Expected    ExpectedDigests
	Conditions  Conditions // IfMatch, IfNoneMatch
	Properties
}

// Properties is what a write says of an object beside its bytes; see Object.
type Properties struct {
	Headers, Metadata map[string]string
	Tags              []Tag
	StorageClass      string
}

// PutObject stores an object whole, or not at all: when it returns, object and bytes
// are on disk; when it fails, what was at the key is still there.
// Errors: NoSuchBucket, KeyTooLongError, MetadataTooLarge, EntityTooLarge,
// PreconditionFailed, IncompleteBody, BadDigest, XAmzContentSHA256Mismatch,
// what Body gives.
func (e *Engine) PutObject(in PutObjectInput) (*Object, error) {
	if err := checkNewObject(in.Key, in.Properties, in.Size); err != nil {
		return nil, err
	}
	if err := in.Conditions.valid(); err != nil {
		return nil, err
	}
	// Looking before reading spares a client that waits for 100-continue a
	// body that couldn't be stored; what counts is the look at the end.
	if err := e.checkWrite(in.Bucket, in.Key, in.Conditions); err != nil {
		return nil, e.settled(err)
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

// objectToReplace is what a write replaces, nil for nothing: an object past its
// lifecycle's expiry too, though to the write's conditions that is gone.
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

// commitObject makes o, whose parts are on disk, the object at its key.
func (e *Engine) commitObject(bucket string, o *Object, c Conditions) error {
	err := e.update(func(b *batch) ([]Part, error) { return e.putObjectRecord(b, bucket, o, c) })
	e.removeIfRefused(err, o.Parts)
	return err
}

// putObjectRecord adds to the batch what makes o the object at its key, and returns the
// bodies of what it replaces.
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

// removeIfRefused removes new bodies whose record was refused. After any
// other error the batch may still become durable, so that the bodies must
// stay; if it doesn't, they are orphans for the next Open.
func (e *Engine) removeIfRefused(err error, parts []Part) {
	var refused *awswire.Error
	if !errors.As(err, &refused) {
		return
	}
	e.removeBodies(parts)
}
