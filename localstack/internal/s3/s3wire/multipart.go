// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html

package s3wire

import (
	"cmp"
	"encoding/xml"
	"net/http"
	"strconv"
	"strings"

	"github.com/errandhq/errand/localstack/internal/s3"
)

func (c *request) createMultipartUpload() error {
	u := &s3.MultipartUpload{Bucket: c.bucket, Key: c.key, ChecksumType: c.r.Header.Get("X-Amz-Checksum-Type")}
	var err error
	if u.Algorithm, err = c.algorithm(); err != nil {
		return err
	}
	if u.Properties, err = properties(c.r.Header); err != nil {
		return err
	}
	if err := c.engine.CreateMultipartUpload(u); err != nil {
		return err
	}
	c.w.Header().Set("x-amz-server-side-encryption", "AES256")
	if u.Algorithm != "" {
		c.w.Header().Set("x-amz-checksum-algorithm", string(u.Algorithm))
		c.w.Header().Set("x-amz-checksum-type", u.ChecksumType)
	}
	return c.writeXML(http.StatusOK, struct {
		XMLName  xml.Name `xml:"InitiateMultipartUploadResult"`
		Xmlns    string   `xml:"xmlns,attr"`
		Bucket   string
		Key      xmlText
		UploadId string
	}{Xmlns: xmlns, Bucket: c.bucket, Key: xmlText(c.key), UploadId: u.ID})
}

func (c *request) uploadPart() error {
	number, err := strconv.Atoi(c.query.Get("partNumber"))
	if err != nil {
		return invalidArgument("partNumber", c.query.Get("partNumber"), "Part number must be an integer between 1 and 10000, inclusive")
	}
	in := s3.UploadPartInput{Bucket: c.bucket, Key: c.key, UploadID: c.query.Get("uploadId"), Number: number}
	if c.r.Header.Get("X-Amz-Copy-Source") != "" {
		return c.uploadPartCopy(in)
	}
	p, err := c.payload()
	if err != nil {
		return err
	}
	in.Body, in.Size, in.Expected = p.body, p.size, p.expected
	part, err := c.engine.UploadPart(in)
	if err != nil {
		return err
	}
	c.w.Header().Set("ETag", quote(part.ETag))
	c.w.Header().Set("x-amz-server-side-encryption", "AES256")
	c.w.Header().Set("x-amz-checksum-"+strings.ToLower(string(part.Sent.Algorithm)), part.Sent.Value)
	c.w.WriteHeader(http.StatusOK)
	return nil
}

func (c *request) uploadPartCopy(in s3.UploadPartInput) error {
	source, err := c.copySource()
	if err != nil {
		return err
	}
	if header := c.r.Header.Get("X-Amz-Copy-Source-Range"); header != "" {
		if source.Range = parseRange(header); source.Range == nil || source.Range.First < 0 || source.Range.Last < 0 {
			return invalidArgument("x-amz-copy-source-range", header, "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy")
		}
	}
	part, err := c.engine.UploadPartCopy(source, in)
	if err != nil {
		return err
	}
	c.w.Header().Set("x-amz-server-side-encryption", "AES256")
	sum := s3.Checksum{} // S3 tells it only of uploads that were begun with one
	if u, err := c.engine.MultipartUpload(c.bucket, c.key, in.UploadID); err == nil && u.Algorithm != "" {
		sum = s3.Checksum{Algorithm: part.Checksum.Algorithm, Value: part.Checksum.Value}
	}
	return c.writeXML(http.StatusOK, struct {
		XMLName      xml.Name `xml:"CopyPartResult"`
		Xmlns        string   `xml:"xmlns,attr"`
		LastModified string
		ETag         string
		checksums
	}{Xmlns: xmlns, LastModified: xmlTime(part.Modified), ETag: quote(part.ETag), checksums: xmlChecksums(sum)})
}

func (c *request) completeMultipartUpload() error {
	in := s3.CompleteMultipartUploadInput{Bucket: c.bucket, Key: c.key, UploadID: c.query.Get("uploadId"), Conditions: conditions(c.r.Header, ""), Size: -1}
	in.ChecksumType = c.r.Header.Get("X-Amz-Checksum-Type")
	var list struct {
		Part []struct {
			PartNumber int
			ETag       string
			checksums
			Other []struct{ XMLName xml.Name } `xml:",any"`
		}
	}
	// Here the checksum headers are the object's, not those of the XML.
	var err error
	if in.Algorithm, in.Checksum, err = completeChecksum(c.r.Header); err != nil {
		return err
	}
	for _, a := range s3.Algorithms {
		c.r.Header.Del("X-Amz-Checksum-" + string(a))
	}
	if c.r.ContentLength != 0 { // with no body at all there are no parts
		if err := c.readXML(&list); err != nil {
			return err
		}
	}
	if v := c.r.Header.Get("X-Amz-Mp-Object-Size"); v != "" {
		if in.Size, err = strconv.ParseInt(v, 10, 64); err != nil || in.Size < 0 {
			return invalidArgument("x-amz-mp-object-size", v, "Value for x-amz-mp-object-size header is invalid.")
		}
	}
	for _, p := range list.Part {
		for _, x := range p.Other {
			if strings.HasPrefix(x.XMLName.Local, "Checksum") {
				return unsupportedChecksum(x.XMLName.Local)
			}
		}
		in.Parts = append(in.Parts, s3.CompletedPart{Number: p.PartNumber, ETag: p.ETag, Checksum: p.any()})
	}
	o, err := c.engine.CompleteMultipartUpload(in)
	if err != nil {
		return err
	}
	c.w.Header().Set("x-amz-server-side-encryption", "AES256")
	c.setExpirationHeader(o)
	return c.writeXML(http.StatusOK, struct {
		XMLName          xml.Name `xml:"CompleteMultipartUploadResult"`
		Xmlns            string   `xml:"xmlns,attr"`
		Location, Bucket string
		Key              xmlText
		ETag             string
		checksums
	}{Xmlns: xmlns, Location: c.location(c.key), Bucket: c.bucket, Key: xmlText(c.key), ETag: quote(o.ETag), checksums: xmlChecksums(o.Checksum)})
}

// completeChecksum is headerChecksum for a value that may end in -<parts>.
func completeChecksum(h http.Header) (s3.Algorithm, string, error) {
	if err := checkAlgorithms(h); err != nil {
		return "", "", err
	}
	for _, a := range s3.Algorithms {
		if v := h.Get("X-Amz-Checksum-" + string(a)); v != "" {
			base, _, _ := strings.Cut(v, "-")
			if !a.ValidValue(base) {
				return "", "", invalidRequest("Value for x-amz-checksum-" + strings.ToLower(string(a)) + " header is invalid.")
			}
			return a, v, nil
		}
	}
	return "", "", nil
}

func (c *request) abortMultipartUpload() error {
	if err := c.engine.AbortMultipartUpload(c.bucket, c.key, c.query.Get("uploadId")); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (c *request) pageSize(name string) (int, error) {
	v := c.query.Get(name)
	if v == "" {
		return s3.MaxKeys, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		return 0, invalidArgument(name, v, "Argument "+name+" must be an integer between 0 and 2147483647")
	}
	return min(n, s3.MaxKeys), nil
}

func (c *request) listParts() error {
	limit, err := c.pageSize("max-parts")
	if err != nil {
		return err
	}
	marker, _ := strconv.Atoi(c.query.Get("part-number-marker"))
	u, parts, more, err := c.engine.ListParts(c.bucket, c.key, c.query.Get("uploadId"), marker, limit)
	if err != nil {
		return err
	}
	type part struct {
		PartNumber   int
		LastModified string
		ETag         string
		Size         int64
		checksums
	}
	var out struct {
		XMLName              xml.Name `xml:"ListPartsResult"`
		Xmlns                string   `xml:"xmlns,attr"`
		Bucket               string
		Key                  xmlText
		UploadId             string
		Initiator, Owner     owner
		StorageClass         string
		PartNumberMarker     int
		NextPartNumberMarker int
		MaxParts             int
		IsTruncated          bool
		ChecksumAlgorithm    s3.Algorithm `xml:",omitempty"`
		ChecksumType         string       `xml:",omitempty"`
		Part                 []part
	}
	out.Xmlns, out.Bucket, out.Key, out.UploadId = xmlns, c.bucket, xmlText(c.key), u.ID
	out.Initiator, out.Owner, out.StorageClass = theInitiator, theOwner, cmp.Or(u.StorageClass, "STANDARD")
	out.PartNumberMarker, out.MaxParts, out.IsTruncated = marker, limit, more
	out.ChecksumAlgorithm, out.ChecksumType = u.Algorithm, u.ChecksumType
	for _, p := range parts {
		sum := s3.Checksum{}
		if u.Algorithm != "" {
			sum = s3.Checksum{Algorithm: p.Checksum.Algorithm, Value: p.Checksum.Value}
		}
		out.Part = append(out.Part, part{p.Number, xmlTime(p.Modified), quote(p.ETag), p.Size, xmlChecksums(sum)})
		out.NextPartNumberMarker = p.Number
	}
	return c.writeXML(http.StatusOK, out)
}
