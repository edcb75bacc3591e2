// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html

package s3

import (
	"errors"
	"fmt"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// CopyObjectInput is the input of CopyObject.
type CopyObjectInput struct {
	Source      GetObjectInput // with the conditions of x-amz-copy-source-if-…
	Destination PutObjectInput // without body
	// ReplaceMetadata and ReplaceTags take headers and metadata, or the tags, from
	// Destination instead of Source.
	ReplaceMetadata, ReplaceTags bool
	// ChangesStorage says that the request sets a storage class or encryption, with
	// which S3 accepts a copy onto itself.
	ChangesStorage bool
}

// inPlace reports whether in copies an object onto itself and changes nothing.
func (in *CopyObjectInput) inPlace() bool {
	t := &in.Destination
	return in.Source.Bucket == t.Bucket && in.Source.Key == t.Key && !in.ReplaceMetadata && !in.ChangesStorage &&
		t.Expected.Algorithm == "" && t.Conditions == Conditions{}
}

// CopyObject copies an object. The ETag of the copy is the MD5 of its bytes, also
// where the source is a multipart upload.
// Errors: as GetObject's of the source, with PreconditionFailed for NotModified, and
// as PutObject's; InvalidRequest for a copy onto itself that changes nothing.
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
