// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html

package s3wire

import (
	"cmp"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/errandhq/errand/localstack/internal/s3"
)

// storedHeaders are those that S3 returns as they were sent.
var storedHeaders = []string{"Content-Type", "Content-Encoding", "Content-Language", "Content-Disposition", "Cache-Control", "Expires"}

// responseParameter is the query parameter of GetObject that replaces a stored header.
var responseParameter = func() map[string]string {
	names := map[string]string{}
	for _, h := range storedHeaders {
		names[h] = "response-" + strings.ToLower(h)
	}
	return names
}()

// properties reads an object's properties from the headers of a request or the fields
// of a form.
func properties(h http.Header) (a s3.Properties, err error) {
	kept, metadata := map[string]string{}, map[string]string{}
	for _, name := range storedHeaders {
		if v := h.Get(name); v != "" {
			kept[name] = v
		}
	}
	// aws-chunked is an encoding of the request, not of the object.
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

// conditions reads the If-* headers. For the source of a copy, they have a prefix.
func conditions(h http.Header, prefix string) s3.Conditions {
	date := func(name string) time.Time {
		v := h.Get(prefix + name)
		if v == "" {
			return time.Time{}
		}
		t, err := http.ParseTime(v)
		if err != nil {
			return time.Time{} // HTTP ignores an invalid date
		}
		return t
	}
	return s3.Conditions{
		IfMatch: h.Get(prefix + "If-Match"), IfNoneMatch: h.Get(prefix + "If-None-Match"),
		IfModifiedSince: date("If-Modified-Since"), IfUnmodifiedSince: date("If-Unmodified-Since"),
	}
}

// presignedConditions reads conditions from the query of a presigned URL. Unlike
// checksums there, S3 honours them.
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

func (c *request) setWriteHeaders(o *s3.Object) {
	h := c.w.Header()
	setHeader(h, "Etag", quote(o.ETag))
	setHeader(h, "X-Amz-Server-Side-Encryption", "AES256")
	c.setChecksumHeaders(o.Checksum)
	c.setExpirationHeader(o)
}

// setHeader is h.Set for a name in canonical form, which Set would have to check.
func setHeader(h http.Header, name, value string) { h[name] = []string{value} }

func quote(etag string) string { return `"` + etag + `"` }

func (c *request) setChecksumHeaders(sum s3.Checksum) {
	if sum.Value != "" {
		setHeader(c.w.Header(), checksumHeader[sum.Algorithm], sum.Value)
		setHeader(c.w.Header(), "X-Amz-Checksum-Type", sum.Type)
	}
}

// setExpirationHeader tells when a lifecycle rule expires the object.
func (c *request) setExpirationHeader(o *s3.Object) {
	b, err := c.engine.Bucket(c.bucket)
	if err != nil {
		return // deleted meanwhile
	}
	if at, rule, ok := b.Expiry(o); ok {
		c.w.Header().Set("x-amz-expiration", `expiry-date="`+at.UTC().Format(http.TimeFormat)+`", rule-id="`+rule+`"`)
	}
}

// getInput reads what GetObject and HeadObject are asked for.
func (c *request) getInput() (s3.GetObjectInput, error) {
	in := s3.GetObjectInput{Bucket: c.bucket, Key: c.key, Conditions: conditions(c.r.Header, ""), Range: parseRange(c.r.Header.Get("Range"))}
	for _, name := range slices.Sorted(maps.Values(responseParameter)) {
		if v := c.query.Get(name); !isLatin1(v) {
			return in, invalidArgument(name, v, "Header value cannot be represented using ISO-8859-1.")
		}
	}
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

func isLatin1(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r > 0xff })
}

// parseRange reads "bytes=…". It returns nil, for the whole object, if there are
// several ranges or the syntax is wrong.
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

// copyBuffers are for sending bodies in few writes.
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
	// Read before the headers are sent, so that a failure can be answered.
	n, err := content.Read(*buf)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	c.writeObjectHeaders(o, content.Span)
	if _, werr := c.w.Write((*buf)[:n]); werr != nil || err != nil {
		return nil // the client has gone
	}
	// Only a Writer: a ReaderFrom would use a smaller buffer.
	if _, err := io.CopyBuffer(struct{ io.Writer }{c.w}, content, *buf); err != nil {
		// The status is sent. The server closes the connection, since less was
		// written than Content-Length says; that tells the client.
		c.engine.Logf("%s: %v", c.name(), err)
	}
	return nil
}

// setValidators sets the headers that HTTP requires in a 304.
func (c *request) setValidators(o *s3.Object, err error) error {
	if o != nil {
		c.w.Header().Set("ETag", quote(o.ETag))
		c.w.Header().Set("Last-Modified", o.Modified.UTC().Format(http.TimeFormat))
	}
	return err
}

// writeObjectHeaders sends everything before an object's bytes.
func (c *request) writeObjectHeaders(o *s3.Object, span s3.Span) {
	h := c.w.Header()
	setHeader(h, "Content-Type", "binary/octet-stream")
	if c.opts.sandbox {
		setHeader(h, "Content-Disposition", "attachment")
	} else {
		for name, v := range o.Headers {
			h.Set(name, v)
		}
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
	// Clients verify the checksum, so it must be of exactly the bytes sent.
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
