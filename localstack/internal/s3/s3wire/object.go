// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html

package s3wire

import (
	"cmp"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/errandhq/errand/localstack/internal/s3"
)

// storedHeaders are those of an object that S3 gives back as they were sent.
var storedHeaders = []string{"Content-Type", "Content-Encoding", "Content-Language", "Content-Disposition", "Cache-Control", "Expires"}

// responseParameter is the query parameter that a reader sets one of keptHeaders by.
var responseParameter = func() map[string]string {
	names := map[string]string{}
	for _, h := range storedHeaders {
		names[h] = "response-" + strings.ToLower(h)
	}
	return names
}()

// properties reads what is to be kept with an object, from the headers of a request
// or the fields of a form.
func properties(h http.Header) (a s3.Properties, err error) {
	kept, metadata := map[string]string{}, map[string]string{}
	for _, name := range storedHeaders {
		if v := h.Get(name); v != "" {
			kept[name] = v
		}
	}
	// aws-chunked is how the body travelled, not what it is.
	if enc := withoutChunked(kept["Content-Encoding"]); enc != "" {
		kept["Content-Encoding"] = enc
	} else {
		delete(kept, "Content-Encoding")
	}
	for name, values := range h {
		if len(name) < len(metaPrefix) || !strings.EqualFold(name[:len(metaPrefix)], metaPrefix) {
			continue
		}
		if m, ok := strings.CutPrefix(strings.ToLower(name), metaPrefix); ok {
			metadata[m] = readMetadata(strings.Join(values, ","))
		}
	}
	a.Headers, a.Metadata = kept, metadata
	if class := h.Get("X-Amz-Storage-Class"); class != "STANDARD" {
		a.StorageClass = class
	}
	a.Tags, err = headerTags(h.Get("X-Amz-Tagging"))
	return a, err
}

const metaPrefix = "x-amz-meta-"

func withoutChunked(encodings string) string {
	var rest []string
	for e := range strings.SplitSeq(encodings, ",") {
		if e = strings.TrimSpace(e); e != "" && !strings.EqualFold(e, "aws-chunked") {
			rest = append(rest, e)
		}
	}
	return strings.Join(rest, ",")
}

// conditions reads the If-* headers; prefix is that of a copy's source.
func conditions(h http.Header, prefix string) s3.Conditions {
	date := func(name string) time.Time {
		v := h.Get(prefix + name)
		if v == "" {
			return time.Time{}
		}
		t, err := http.ParseTime(v)
		if err != nil {
			return time.Time{} // HTTP has a bad date mean none
		}
		return t
	}
	return s3.Conditions{
		IfMatch: h.Get(prefix + "If-Match"), IfNoneMatch: h.Get(prefix + "If-None-Match"),
		IfModifiedSince: date("If-Modified-Since"), IfUnmodifiedSince: date("If-Unmodified-Since"),
	}
}

// presignedConditions takes those that a presigned URL has in its query, where S3
// honours them, unlike checksums.
func (c *request) presignedConditions(to *s3.Conditions) {
	if c.query.Has("X-Amz-Signature") {
		to.IfMatch = cmp.Or(to.IfMatch, c.query.Get("If-Match"))
		to.IfNoneMatch = cmp.Or(to.IfNoneMatch, c.query.Get("If-None-Match"))
	}
}

func (c *request) putObject() error {
	if c.r.Header.Get("X-Amz-Copy-Source") != "" {
		return c.copyObject()
	}
	p, err := c.payload()
	if err != nil {
		return err
	}
	in := s3.PutObjectInput{
		Bucket: c.bucket, Key: c.key, Body: p.body, Size: p.size, Expected: p.expected,
		Conditions: conditions(c.r.Header, ""),
	}
	c.presignedConditions(&in.Conditions)
	if in.Properties, err = properties(c.r.Header); err != nil {
		return err
	}
	o, err := c.engine.PutObject(in)
	if err != nil {
		return err
	}
	c.setWriteHeaders(o)
	c.w.WriteHeader(http.StatusOK)
	return nil
}

// setWriteHeaders are those of an answer to a write.
func (c *request) setWriteHeaders(o *s3.Object) {
	h := c.w.Header()
	setHeader(h, "Etag", quote(o.ETag))
	setHeader(h, "X-Amz-Server-Side-Encryption", "AES256")
	c.setChecksumHeaders(o.Checksum)
	c.setExpirationHeader(o)
}

// setHeader is h.Set for a name that is in the canonical form already, which
// Set has to make sure of, and for others has to make.
func setHeader(h http.Header, name, value string) { h[name] = []string{value} }

func quote(etag string) string { return `"` + etag + `"` }

func (c *request) setChecksumHeaders(sum s3.Checksum) {
	if sum.Value != "" {
		setHeader(c.w.Header(), checksumHeader[sum.Algorithm], sum.Value)
		setHeader(c.w.Header(), "X-Amz-Checksum-Type", sum.Type)
	}
}

// setExpirationHeader says when a lifecycle rule ends the object.
func (c *request) setExpirationHeader(o *s3.Object) {
	b, err := c.engine.Bucket(c.bucket)
	if err != nil {
		return // deleted meanwhile
	}
	if at, rule, ok := b.Expiry(o); ok {
		c.w.Header().Set("x-amz-expiration", `expiry-date="`+at.UTC().Format(http.TimeFormat)+`", rule-id="`+rule+`"`)
	}
}

// getInput reads what of the object is wanted.
func (c *request) getInput() (s3.GetObjectInput, error) {
	in := s3.GetObjectInput{Bucket: c.bucket, Key: c.key, Conditions: conditions(c.r.Header, ""), Range: parseRange(c.r.Header.Get("Range"))}
	if part := c.query.Get("partNumber"); part != "" {
		n, err := strconv.Atoi(part)
		if err != nil || n < 1 || n > s3.MaxPartNumber {
			return in, invalidArgument("partNumber", part, "Part number must be an integer between 1 and 10000, inclusive")
		}
		if in.Range != nil {
			return in, invalidRequest("Cannot specify both Range header and partNumber query parameter")
		}
		in.PartNumber = n
	}
	return in, nil
}

// parseRange reads "bytes=…". Several ranges, or what is no range, mean none:
// the whole object is answered.
func parseRange(header string) *s3.Range {
	spec, ok := strings.CutPrefix(header, "bytes=")
	if !ok {
		return nil
	}
	first, last, ok := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok {
		return nil
	}
	number := func(s string) (int64, bool) {
		if s == "" {
			return -1, true
		}
		n, err := strconv.ParseInt(s, 10, 64)
		return n, err == nil && n >= 0
	}
	r := s3.Range{}
	var ok1, ok2 bool
	r.First, ok1 = number(first)
	r.Last, ok2 = number(last)
	if !ok1 || !ok2 || r.First < 0 && r.Last < 0 || r.Last >= 0 && r.First > r.Last {
		return nil
	}
	return &r
}

func (c *request) headObject() error {
	in, err := c.getInput()
	if err != nil {
		return err
	}
	o, span, err := c.engine.HeadObject(in)
	if err != nil {
		return c.setValidators(o, err)
	}
	c.writeObjectHeaders(o, span)
	return nil
}

// copyBuffers are for bodies on their way out: large, to be few reads.
var copyBuffers = sync.Pool{New: func() any { b := make([]byte, 256<<10); return &b }}

func (c *request) getObject() error {
	in, err := c.getInput()
	if err != nil {
		return err
	}
	o, content, err := c.engine.GetObject(in)
	if err != nil {
		return c.setValidators(o, err)
	}
	defer func() { _ = content.Close() }() // it was only read
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	// First, so that what can't be read is an error, and no broken answer.
	n, err := content.Read(*buf)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	c.writeObjectHeaders(o, content.Span)
	if _, werr := c.w.Write((*buf)[:n]); werr != nil || err != nil {
		return nil // who has gone needs no answer
	}
	// Hidden, so that the buffer is ours: a ReadFrom would use a small one.
	if _, err := io.CopyBuffer(struct{ io.Writer }{c.w}, content, *buf); err != nil {
		// The status is out. The client sees that it isn't whole by the length:
		// the server closes a connection on which less came than was announced.
		c.engine.Logf("%s: %v", c.name(), err)
	}
	return nil
}

// setValidators lets a 304 carry the headers that HTTP wants with it.
func (c *request) setValidators(o *s3.Object, err error) error {
	if o != nil {
		c.w.Header().Set("ETag", quote(o.ETag))
		c.w.Header().Set("Last-Modified", o.Modified.UTC().Format(http.TimeFormat))
	}
	return err
}

// writeObjectHeaders answers what precedes an object's bytes.
func (c *request) writeObjectHeaders(o *s3.Object, span s3.Span) {
	h := c.w.Header()
	setHeader(h, "Content-Type", "binary/octet-stream")
	for name, v := range o.Headers {
		h.Set(name, v)
	}
	for name, v := range o.Metadata {
		h["x-amz-meta-"+name] = []string{writeMetadata(v)} // lower case, as S3 sends it
	}
	setHeader(h, "Etag", quote(o.ETag))
	setHeader(h, "Last-Modified", o.Modified.UTC().Format(http.TimeFormat))
	setHeader(h, "Accept-Ranges", "bytes")
	setHeader(h, "X-Amz-Server-Side-Encryption", "AES256")
	c.setExpirationHeader(o)
	for _, name := range storedHeaders {
		if v := c.query.Get(responseParameter[name]); v != "" {
			h.Set(name, v)
		}
	}
	if len(o.Tags) > 0 {
		h.Set("x-amz-tagging-count", strconv.Itoa(len(o.Tags)))
	}
	if o.StorageClass != "" {
		h.Set("x-amz-storage-class", o.StorageClass)
	}
	// A checksum is of all bytes of the answer: clients hold them to it.
	if strings.EqualFold(c.r.Header.Get("X-Amz-Checksum-Mode"), "ENABLED") {
		c.setChecksumHeaders(o.SpanChecksum(span))
	}
	if span.Parts > 0 {
		h.Set("x-amz-mp-parts-count", strconv.Itoa(span.Parts))
	}
	setHeader(h, "Content-Length", strconv.FormatInt(span.Length, 10))
	if !span.Partial {
		c.w.WriteHeader(http.StatusOK)
		return
	}
	h.Set("Content-Range", "bytes "+strconv.FormatInt(span.Start, 10)+"-"+strconv.FormatInt(span.Start+span.Length-1, 10)+"/"+strconv.FormatInt(o.Size, 10))
	c.w.WriteHeader(http.StatusPartialContent)
}

func (c *request) deleteObject() error {
	cond := s3.Conditions{IfMatch: c.r.Header.Get("If-Match")}
	if err := c.engine.DeleteObject(c.bucket, c.key, cond); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}
