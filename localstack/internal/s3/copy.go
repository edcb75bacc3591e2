package s3

import (
	"errors"
	"fmt"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// CopyObjectInput makes an object of another one.
type CopyObjectInput struct {
	Source      GetObjectInput // with the conditions of x-amz-copy-source-if-…
	Destination PutObjectInput // without body
	// ReplaceMetadata takes headers and metadata from Target, not from the source;
	// ReplaceTags does so with the tags.
	ReplaceMetadata, ReplaceTags bool
	// ChangesStorage says that something else that S3 has a copy onto itself for was
	// asked for: a storage class, or encryption.
	ChangesStorage bool
}

// inPlace reports whether in would copy an object onto itself and change nothing.
func (in *CopyObjectInput) inPlace() bool {
	t := &in.Destination
	return in.Source.Bucket == t.Bucket && in.Source.Key == t.Key && !in.ReplaceMetadata && !in.ChangesStorage &&
		t.Expected.Algorithm == "" && t.Conditions == Conditions{}
}

// CopyObject copies an object. Its ETag is the MD5 of the bytes, also where the
// source was a multipart upload.
// Errors: as Get's of the source, with PreconditionFailed for NotModified, and
// as Put's; InvalidRequest for a copy onto itself that changes nothing.
func (e *Engine) CopyObject(in CopyObjectInput) (*Object, error) {
	t := in.Destination
	if in.inPlace() {
		return nil, newError(400, "InvalidRequest", "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.")
	}
	src, content, err := e.openCopySource(in.Source)
	if err != nil {
		return nil, err
	}
	defer func() { _ = content.Close() }() // it was only read
	if src.Size > MaxPut {
		return nil, newError(400, "InvalidRequest", "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120")
	}
	if !in.ReplaceMetadata {
		t.Headers, t.Metadata = src.Headers, src.Metadata
	}
	if !in.ReplaceTags {
		t.Tags = src.Tags
	}
	if t.Expected.Algorithm == "" {
		t.Expected.Algorithm = src.Checksum.Algorithm
	}
	t.Body, t.Size = content, src.Size
	return e.PutObject(t)
}

// UploadPartCopy stores the bytes of an object, or a range of them, as a part.
func (e *Engine) UploadPartCopy(source GetObjectInput, part UploadPartInput) (*UploadedPart, error) {
	o, content, err := e.openCopySource(source)
	if err != nil {
		return nil, err
	}
	defer func() { _ = content.Close() }() // it was only read
	if r := source.Range; r != nil && r.Last >= o.Size {
		return nil, invalidArgument("x-amz-copy-source-range", fmt.Sprintf("bytes=%d-%d", r.First, r.Last),
			fmt.Sprintf("Range specified is not valid for source object of size: %d", o.Size))
	}
	part.Body, part.Size = content, content.Length
	return e.UploadPart(part)
}

// openCopySource opens what is to be copied.
func (e *Engine) openCopySource(in GetObjectInput) (*Object, *Content, error) {
	c := in.Conditions
	in.Conditions = Conditions{}
	o, content, err := e.GetObject(in)
	var refused *awswire.Error
	if errors.As(err, &refused) && refused.Code == "InvalidRange" {
		err = newError(400, "InvalidRequest", "The specified copy range is invalid for the source object size")
	}
	if err != nil {
		return nil, nil, err
	}
	if err := c.checkSource(o, e.Now()); err != nil {
		_ = content.Close()
		return nil, nil, err
	}
	return o, content, nil
}
