// https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html

package s3wire

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/s3"
)

// maxForm limits the fields of a form before its file.
const maxForm = 20 << 10

// isPostObject reports whether the request is a browser's upload by form, which has
// its signature in the form.
func (c *request) isPostObject() bool {
	if c.r.Method != http.MethodPost || c.bucket == "" || c.key != "" {
		return false
	}
	t, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	return err == nil && t == "multipart/form-data"
}

// form is an upload by form, read up to its file.
type form struct {
	fields map[string]string // by lower-case name
	file   *multipart.Part
}

// readForm reads the fields up to the file. Like S3, it ignores those after it.
func readForm(r *http.Request) (*form, error) {
	mr, err := r.MultipartReader()
	if err != nil {
		return nil, malformedPOST()
	}
	f, size := &form{fields: map[string]string{}}, 0
	for {
		part, err := mr.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil, awswire.Errorf(http.StatusBadRequest, "InvalidArgument", "POST requires exactly one file upload per request.")
		}
		if err != nil {
			return nil, malformedPOST()
		}
		name := strings.ToLower(part.FormName())
		if name == "file" {
			f.file = part
			return f, nil
		}
		value, err := io.ReadAll(io.LimitReader(part, maxForm+1))
		if err != nil {
			return nil, malformedPOST()
		}
		if size += len(name) + len(value); size > maxForm {
			return nil, awswire.Errorf(http.StatusBadRequest, "MaxPostPreDataLengthExceeded", "Your POST request fields preceding the upload file were too large.")
		}
		if _, twice := f.fields[name]; twice {
			return nil, invalidArgument(name, "", "POST requires exactly one "+name+" field per request.")
		}
		f.fields[name] = string(value)
	}
}

func malformedPOST() *awswire.Error {
	return awswire.Errorf(http.StatusPreconditionFailed, "MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data.")
}

func (c *request) postObject() error {
	f, err := readForm(c.r)
	if err != nil {
		return err
	}
	// First, so that the policy is applied to the key that will be written.
	if name := f.file.FileName(); name != "" {
		f.fields["key"] = strings.ReplaceAll(f.fields["key"], "${filename}", name)
	}
	limits, err := c.checkPolicy(f)
	if err != nil {
		return err
	}
	if c.key = f.fields["key"]; c.key == "" {
		return invalidArgument("key", "", "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields.")
	}
	in := s3.PutObjectInput{Bucket: c.bucket, Key: c.key, Body: &lengthReader{r: f.file, min: limits.min, max: limits.max}, Size: -1}
	if in.Expected, err = f.expected(); err != nil {
		return err
	}
	if in.Properties, err = f.properties(); err != nil {
		return err
	}
	o, err := c.engine.PutObject(in)
	if err != nil {
		return err
	}
	return c.writePostResponse(f, o)
}

// checkPolicy checks the policy's signature, and the form against the policy.
func (c *request) checkPolicy(f *form) (*policy, error) {
	if _, err := c.engine.Bucket(c.bucket); err != nil {
		return nil, err
	}
	if c.opts.Verifier == nil && f.fields["policy"] == "" {
		return &policy{max: -1}, nil
	}
	if err := c.verifyPolicy(f); err != nil {
		return nil, err
	}
	p, err := parsePolicy(f.fields["policy"])
	if err != nil {
		return nil, err
	}
	if b, ok := f.fields["bucket"]; ok && b != c.bucket {
		return nil, accessDenied("Invalid according to Policy: the bucket is another one.")
	}
	f.fields["bucket"] = c.bucket
	return p, p.check(f.fields, c.engine.Now())
}

func (c *request) verifyPolicy(f *form) error {
	signed := awswire.PolicyForm{
		Policy: f.fields["policy"], Algorithm: f.fields["x-amz-algorithm"], Credential: f.fields["x-amz-credential"],
		Date: f.fields["x-amz-date"], Signature: f.fields["x-amz-signature"],
		AccessKeyID: f.fields["awsaccesskeyid"], SignatureV2: f.fields["signature"],
	}
	if c.opts.Verifier == nil {
		return nil
	}
	if c.opts.OnlyV4 && signed.IsV2() {
		return awswire.ErrSignatureV2()
	}
	id, err := c.opts.Verifier.VerifyPolicy(signed)
	if err == nil && id.V2 {
		err = c.checkRegionV2()
	}
	return err
}

// header returns the form's fields as headers.
func (f *form) header() http.Header {
	h := http.Header{}
	for name, v := range f.fields {
		h.Set(name, v)
	}
	return h
}

// properties reads the object's properties. A form has its tags in XML.
func (f *form) properties() (s3.Properties, error) {
	h := f.header()
	h.Set("X-Amz-Acl", f.fields["acl"])
	if err := checkHeaders(h); err != nil {
		return s3.Properties{}, err
	}
	a, err := properties(h)
	if doc := f.fields["tagging"]; err == nil && doc != "" {
		var t struct { // S3 takes a document of another name for one without tags
			TagSet struct{ Tag []xmlTag }
		}
		if xml.Unmarshal([]byte(doc), &t) != nil {
			return a, malformedXML()
		}
		a.Tags, err = readTags(t.TagSet.Tag)
	}
	return a, err
}

// expected reads the digests of the file.
func (f *form) expected() (want s3.ExpectedDigests, err error) {
	h := f.header()
	var value string
	if want.Algorithm, value, err = headerChecksum(h); err != nil {
		return want, err
	}
	want.Value = func() string { return value }
	if md5 := h.Get("Content-Md5"); md5 != "" {
		if want.MD5, err = base64.StdEncoding.DecodeString(md5); err != nil || len(want.MD5) != 16 {
			return want, invalidDigest(md5)
		}
	}
	return want, nil
}

// lengthReader enforces the policy's content-length-range.
type lengthReader struct {
	r           io.Reader
	n, min, max int64
}

func (l *lengthReader) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	l.n += int64(n)
	switch {
	case l.max >= 0 && l.n > l.max:
		return 0, outOfRange("EntityTooLarge", "maximum", l.n, l.max)
	case err == io.EOF && l.n < l.min:
		return 0, outOfRange("EntityTooSmall", "minimum", l.n, l.min)
	case err != nil && !errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// writePostResponse answers as the form's success_action_* fields say.
func (c *request) writePostResponse(f *form, o *s3.Object) error {
	location := c.location(o.Key)
	h := c.w.Header()
	h.Set("ETag", quote(o.ETag))
	h.Set("Location", location)
	h.Set("x-amz-server-side-encryption", "AES256")
	c.setChecksumHeaders(o.Checksum)
	c.setExpirationHeader(o)
	if to, err := url.Parse(f.fields["success_action_redirect"]); err == nil && to.IsAbs() && (to.Scheme == "http" || to.Scheme == "https") {
		q := to.Query()
		q.Set("bucket", c.bucket)
		q.Set("key", o.Key)
		q.Set("etag", quote(o.ETag))
		to.RawQuery = q.Encode()
		h.Set("Location", to.String())
		c.w.WriteHeader(http.StatusSeeOther)
		return nil
	}
	switch f.fields["success_action_status"] {
	case "200":
		c.w.WriteHeader(http.StatusOK)
	case "201":
		return c.writeXML(http.StatusCreated, struct {
			XMLName          xml.Name `xml:"PostResponse"`
			Location, Bucket string
			Key              xmlText
			ETag             string
		}{Location: location, Bucket: c.bucket, Key: xmlText(o.Key), ETag: quote(o.ETag)})
	default:
		c.w.WriteHeader(http.StatusNoContent)
	}
	return nil
}

// location returns the URL of a key, with the host and in the style of the request.
func (c *request) location(key string) string {
	u := url.URL{Scheme: "http", Host: c.r.Host, Path: "/" + key}
	if c.r.TLS != nil {
		u.Scheme = "https"
	}
	if awswire.HostBucket(c.r.Host) == "" {
		u.Path = "/" + c.bucket + u.Path
	}
	return u.String()
}
