package s3

// CopyInput makes an object of another one.
type CopyInput struct {
	Source GetInput // with the conditions of x-amz-copy-source-if-…
	Target PutInput // without body; headers and metadata count if Replace is set
	// Replace takes headers and metadata from Target, not from the source.
	Replace bool
}

// Copy copies an object. Its ETag is the MD5 of the bytes, also where the
// source was a multipart upload.
// Errors: as Get's of the source, with PreconditionFailed for NotModified, and
// as Put's; InvalidRequest for a copy onto itself that changes nothing.
func (e *Engine) Copy(in CopyInput) (*Object, error) {
	t := in.Target
	if in.Source.Bucket == t.Bucket && in.Source.Key == t.Key && !in.Replace && t.Expected.Algorithm == "" {
		return nil, fail(400, "InvalidRequest", "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.")
	}
	src, content, err := e.source(in.Source)
	if err != nil {
		return nil, err
	}
	defer func() { _ = content.Close() }() // it was only read
	if src.Size > MaxPut {
		return nil, fail(400, "InvalidRequest", "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120")
	}
	if !in.Replace {
		t.Headers, t.Metadata = src.Headers, src.Metadata
	}
	if t.Expected.Algorithm == "" {
		t.Expected.Algorithm = src.Checksum.Algorithm
	}
	t.Body, t.Size = content, src.Size
	return e.Put(t)
}

// CopyPart stores the bytes of an object, or a range of them, as a part.
func (e *Engine) CopyPart(source GetInput, part PartInput) (*UploadedPart, error) {
	_, content, err := e.source(source)
	if err != nil {
		return nil, err
	}
	defer func() { _ = content.Close() }() // it was only read
	part.Body, part.Size = content, content.Length
	return e.PutPart(part)
}

// source opens what is to be copied.
func (e *Engine) source(in GetInput) (*Object, *Content, error) {
	c := in.Conditions
	in.Conditions = Conditions{}
	o, content, err := e.Get(in)
	if err != nil {
		return nil, nil, err
	}
	if err := c.checkSource(o); err != nil {
		_ = content.Close()
		return nil, nil, err
	}
	return o, content, nil
}
