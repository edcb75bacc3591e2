// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html

package s3wire

import (
	"encoding/xml"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/errandhq/errand/localstack/internal/s3"
)

// attributes are those that GetObjectAttributes supports.
var attributes = []string{"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"}

type objectAttributes struct {
	XMLName      xml.Name     `xml:"GetObjectAttributesResponse"`
	Xmlns        string       `xml:"xmlns,attr"`
	ETag         string       `xml:",omitempty"`
	Checksum     *checksums   `xml:",omitempty"`
	ObjectParts  *objectParts `xml:",omitempty"`
	StorageClass string       `xml:",omitempty"`
	ObjectSize   *int64       `xml:",omitempty"`
}

// objectParts lists the parts only if the object's checksum is composite.
type objectParts struct {
	IsTruncated          *bool        `xml:",omitempty"`
	MaxParts             *int         `xml:",omitempty"`
	NextPartNumberMarker *int         `xml:",omitempty"`
	PartNumberMarker     *int         `xml:",omitempty"`
	Part                 []objectPart `xml:",omitempty"`
	PartsCount           int
}

type objectPart struct {
	checksums
	PartNumber int
	Size       int64
}

func (c *request) getObjectAttributes() error {
	wanted, err := c.wantedAttributes()
	if err != nil {
		return err
	}
	o, _, err := c.engine.HeadObject(s3.GetObjectInput{Bucket: c.bucket, Key: c.key})
	if err != nil {
		return err
	}
	out := objectAttributes{Xmlns: xmlns}
	for _, a := range wanted {
		switch a {
		case "ETag":
			out.ETag = o.ETag // here without quotes
		case "Checksum":
			if o.Checksum.Value != "" {
				sum := o.Checksum
				sum.Value, _, _ = strings.Cut(sum.Value, "-")
				x := xmlChecksums(sum)
				out.Checksum = &x
			}
		case "ObjectParts":
			if out.ObjectParts, err = c.objectParts(o); err != nil {
				return err
			}
		case "StorageClass":
			out.StorageClass = storageClass(o)
		case "ObjectSize":
			out.ObjectSize = &o.Size
		}
	}
	c.w.Header().Set("Last-Modified", o.Modified.UTC().Format(http.TimeFormat))
	return c.writeXML(http.StatusOK, out)
}

// wantedAttributes reads x-amz-object-attributes, a header that may be repeated.
func (c *request) wantedAttributes() (wanted []string, err error) {
	const name = "x-amz-object-attributes"
	for _, v := range c.r.Header.Values(name) {
		for a := range strings.SplitSeq(v, ",") {
			if a = strings.TrimSpace(a); !slices.Contains(attributes, a) {
				return nil, invalidArgument(name, a, "Invalid attribute name specified.")
			}
			wanted = append(wanted, a)
		}
	}
	if len(wanted) == 0 {
		return nil, invalidRequest("The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty")
	}
	return wanted, nil
}

func (c *request) objectParts(o *s3.Object) (*objectParts, error) {
	if !o.Multipart {
		return nil, nil
	}
	out := &objectParts{PartsCount: len(o.Parts)}
	if o.Parts[0].Sum == "" {
		return out, nil
	}
	number := func(name string, otherwise int) (int, error) {
		v := c.r.Header.Get(name)
		if v == "" {
			return otherwise, nil
		}
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 {
			return 0, invalidArgument(strings.ToLower(name), v, "Provided "+strings.ToLower(name)+" not an integer or within integer range")
		}
		return n, nil
	}
	limit, err := number("X-Amz-Max-Parts", s3.MaxKeys)
	if err != nil {
		return nil, err
	}
	marker, err := number("X-Amz-Part-Number-Marker", 0)
	if err != nil {
		return nil, err
	}
	next := 0
	for i := marker; i < len(o.Parts) && len(out.Part) < min(limit, s3.MaxKeys); i++ {
		p := o.Parts[i]
		next = i + 1
		out.Part = append(out.Part, objectPart{xmlChecksums(s3.Checksum{Algorithm: o.Checksum.Algorithm, Value: p.Sum}), next, p.Size})
	}
	more := next > 0 && next < len(o.Parts)
	limit = min(limit, s3.MaxKeys)
	out.IsTruncated, out.MaxParts, out.NextPartNumberMarker, out.PartNumberMarker = &more, &limit, &next, &marker
	return out, nil
}

func storageClass(o *s3.Object) string {
	if o.StorageClass == "" {
		return "STANDARD"
	}
	return o.StorageClass
}
