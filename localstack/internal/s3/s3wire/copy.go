// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html

package s3wire

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/s3"
)

// copySource reads "/bucket/key", "bucket/key" or a URL with that path,
// URL-encoded; "+" is a space.
func (c *request) copySource() (s3.GetObjectInput, error) {
	header := c.r.Header.Get("X-Amz-Copy-Source")
	path, version, versioned := strings.Cut(header, "?versionId=")
	if scheme, rest, _ := strings.Cut(path, "://"); scheme == "http" || scheme == "https" { // "http:" is no bucket
		_, path, _ = strings.Cut(rest, "/")
	}
	decoded, err := url.QueryUnescape(path)
	bucket, key, ok := strings.Cut(strings.TrimPrefix(decoded, "/"), "/")
	if err != nil || !ok || bucket == "" || key == "" || versioned && version != "null" {
		return s3.GetObjectInput{}, invalidArgument("x-amz-copy-source", "x-amz-copy-source", "Invalid copy source object key")
	}
	return s3.GetObjectInput{Bucket: bucket, Key: key, Conditions: conditions(c.r.Header, "X-Amz-Copy-Source-")}, nil
}

type copyResult struct {
	XMLName      xml.Name `xml:"CopyObjectResult"`
	Xmlns        string   `xml:"xmlns,attr"`
	LastModified string
	ETag         string
	checksums
}

func (c *request) copyObject() error {
	source, err := c.copySource()
	if err != nil {
		return err
	}
	in := s3.CopyObjectInput{Source: source, Destination: s3.PutObjectInput{Bucket: c.bucket, Key: c.key, Conditions: conditions(c.r.Header, "")}}
	switch d := c.r.Header.Get("X-Amz-Metadata-Directive"); d {
	case "", "COPY":
	case "REPLACE":
		in.ReplaceMetadata = true
	default:
		return invalidArgument("x-amz-metadata-directive", d, "Unknown metadata directive.")
	}
	switch d := c.r.Header.Get("X-Amz-Tagging-Directive"); d {
	case "", "COPY":
	case "REPLACE":
		in.ReplaceTags = true
	default:
		return invalidArgument("x-amz-tagging-directive", d, "Unknown tagging directive.")
	}
	if in.Destination.Properties, err = properties(c.r.Header); err != nil {
		return err
	}
	in.ChangesStorage = c.r.Header.Get("X-Amz-Storage-Class") != "" || c.r.Header.Get("X-Amz-Server-Side-Encryption") != ""
	if in.Destination.Expected.Algorithm, err = c.algorithm(); err != nil {
		return err
	}
	o, err := c.engine.CopyObject(in)
	if err != nil {
		return err
	}
	c.w.Header().Set("x-amz-server-side-encryption", "AES256")
	c.setExpirationHeader(o)
	return c.writeXML(http.StatusOK, copyResult{Xmlns: xmlns, LastModified: xmlTime(o.Modified), ETag: quote(o.ETag), checksums: xmlChecksums(o.Checksum)})
}

// algorithm reads x-amz-checksum-algorithm.
func (c *request) algorithm() (s3.Algorithm, error) {
	a := s3.Algorithm(strings.ToUpper(c.r.Header.Get("X-Amz-Checksum-Algorithm")))
	if a != "" && !a.Valid() {
		return "", invalidRequest("Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]")
	}
	return a, nil
}

// checksums are the XML elements of a checksum.
type checksums struct {
	ChecksumCRC32     string `xml:",omitempty"`
	ChecksumCRC32C    string `xml:",omitempty"`
	ChecksumCRC64NVME string `xml:",omitempty"`
	ChecksumSHA1      string `xml:",omitempty"`
	ChecksumSHA256    string `xml:",omitempty"`
	ChecksumType      string `xml:",omitempty"`
}

func xmlChecksums(c s3.Checksum) (x checksums) {
	switch x.ChecksumType = c.Type; c.Algorithm {
	case s3.CRC32:
		x.ChecksumCRC32 = c.Value
	case s3.CRC32C:
		x.ChecksumCRC32C = c.Value
	case s3.CRC64NVME:
		x.ChecksumCRC64NVME = c.Value
	case s3.SHA1:
		x.ChecksumSHA1 = c.Value
	case s3.SHA256:
		x.ChecksumSHA256 = c.Value
	}
	return x
}

// any returns the checksum that is set, or zero.
func (x checksums) any() s3.Checksum {
	for a, v := range map[s3.Algorithm]string{
		s3.CRC32: x.ChecksumCRC32, s3.CRC32C: x.ChecksumCRC32C, s3.CRC64NVME: x.ChecksumCRC64NVME,
		s3.SHA1: x.ChecksumSHA1, s3.SHA256: x.ChecksumSHA256,
	} {
		if v != "" {
			return s3.Checksum{Algorithm: a, Value: v}
		}
	}
	return s3.Checksum{}
}

func invalidArgument(name, value, message string) *awswire.Error {
	e := awswire.Errorf(http.StatusBadRequest, "InvalidArgument", "%s", message)
	e.Fields = map[string]any{"ArgumentName": name, "ArgumentValue": value}
	return e
}
