// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html

package s3wire

import (
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/errandhq/errand/localstack/internal/s3"
)

// listResult is the output of both versions of ListObjects.
type listResult struct {
	XMLName               xml.Name `xml:"ListBucketResult"`
	Xmlns                 string   `xml:"xmlns,attr"`
	Name                  string
	Prefix                xmlText
	Delimiter             xmlText `xml:",omitempty"`
	MaxKeys               int
	EncodingType          string   `xml:",omitempty"`
	IsTruncated           bool     // the rest of version 1 …
	Marker                *xmlText `xml:",omitempty"`
	NextMarker            xmlText  `xml:",omitempty"`
	KeyCount              *int     `xml:",omitempty"` // … and of 2
	ContinuationToken     string   `xml:",omitempty"`
	NextContinuationToken string   `xml:",omitempty"`
	StartAfter            xmlText  `xml:",omitempty"`
	Contents              []listEntry
	CommonPrefixes        []commonPrefix
}

type listEntry struct {
	Key               xmlText
	LastModified      string
	ETag              string
	ChecksumAlgorithm s3.Algorithm `xml:",omitempty"`
	ChecksumType      string       `xml:",omitempty"`
	Size              int64
	StorageClass      string
	Owner             *owner `xml:",omitempty"`
}

type commonPrefix struct{ Prefix xmlText }

// listObjectsV1 pages by marker, the last key or common prefix of a page.
func (c *request) listObjectsV1() error {
	marker := c.query.Get("marker")
	out, next, err := c.list(marker, true)
	if err != nil {
		return err
	}
	encode := c.keyEncoder()
	encoded := encode(marker)
	out.Marker = &encoded
	if out.Delimiter != "" { // as S3, which returns NextMarker only then
		out.NextMarker = encode(next)
	}
	return c.writeXML(http.StatusOK, out)
}

// listObjectsV2 pages by an opaque token.
func (c *request) listObjectsV2() error {
	if v := c.query.Get("list-type"); v != "2" {
		return invalidArgument("list-type", v, "Invalid List Type specified in Request")
	}
	from := c.query.Get("start-after")
	token := c.query.Get("continuation-token")
	if c.query.Has("continuation-token") {
		b, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil || len(b) == 0 {
			e := invalidArgument("continuation-token", "", "The continuation token provided is incorrect")
			delete(e.Fields, "ArgumentValue")
			return e
		}
		from = string(b)
	}
	out, next, err := c.list(from, c.query.Get("fetch-owner") == "true")
	if err != nil {
		return err
	}
	n := len(out.Contents) + len(out.CommonPrefixes)
	out.KeyCount, out.ContinuationToken = &n, token
	if token == "" {
		out.StartAfter = c.keyEncoder()(from)
	}
	if next != "" {
		out.NextContinuationToken = base64.RawURLEncoding.EncodeToString([]byte(next))
	}
	return c.writeXML(http.StatusOK, out)
}

// list returns the page after a key, and the key that the next page begins after.
func (c *request) list(after string, owners bool) (out *listResult, next string, err error) {
	in, err := c.listInput(after)
	if err != nil {
		return nil, "", err
	}
	page, err := c.engine.ListObjects(c.bucket, in)
	if err != nil {
		return nil, "", err
	}
	if b, err := c.engine.Bucket(c.bucket); err == nil {
		c.w.Header().Set("x-amz-bucket-region", b.Region)
	}
	encode := c.keyEncoder()
	out = &listResult{
		Xmlns: xmlns, Name: c.bucket, Prefix: encode(in.Prefix), Delimiter: encode(in.Delimiter),
		MaxKeys: in.MaxKeys, EncodingType: c.query.Get("encoding-type"), IsTruncated: page.Next != "",
	}
	for _, o := range page.Objects {
		out.Contents = append(out.Contents, c.listEntry(o, owners))
	}
	for _, p := range page.Prefixes {
		out.CommonPrefixes = append(out.CommonPrefixes, commonPrefix{encode(p)})
	}
	return out, page.Next, nil
}

// listInput reads the parameters that all lists of objects share.
func (c *request) listInput(after string) (in s3.ListObjectsInput, err error) {
	in = s3.ListObjectsInput{Prefix: c.query.Get("prefix"), Delimiter: c.query.Get("delimiter"), After: after, MaxKeys: s3.MaxKeys}
	if v := c.query.Get("max-keys"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 {
			return in, invalidArgument("max-keys", v, "Provided max-keys not an integer or within integer range")
		}
		in.MaxKeys = min(n, s3.MaxKeys)
	}
	return in, c.checkEncoding()
}

func (c *request) checkEncoding() error {
	if v := c.query.Get("encoding-type"); c.query.Has("encoding-type") && v != "url" {
		return invalidArgument("encoding-type", v, "Invalid Encoding Method specified in Request")
	}
	return nil
}

// keyEncoder returns the encoding that encoding-type asks for.
func (c *request) keyEncoder() func(string) xmlText {
	if c.query.Get("encoding-type") != "url" {
		return func(s string) xmlText { return xmlText(s) }
	}
	return func(s string) xmlText { return xmlText(strings.ReplaceAll(url.QueryEscape(s), "%2F", "/")) }
}
