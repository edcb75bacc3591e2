// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html

package s3wire

import (
	"encoding/xml"
	"net/http"

	"github.com/errandhq/errand/localstack/internal/s3"
)

// listObjectVersions lists objects as in a bucket without versioning: each has one
// version, "null". Tools use it to empty a bucket.
func (c *request) listObjectVersions() error {
	marker := c.query.Get("key-marker")
	if v := c.query.Get("version-id-marker"); v != "" && marker == "" {
		return invalidArgument("version-id-marker", v, "A version-id marker cannot be specified without a key marker.")
	}
	in, err := c.listInput(marker)
	if err != nil {
		return err
	}
	page, err := c.engine.ListObjects(c.bucket, in)
	if err != nil {
		return err
	}
	type version struct {
		listEntry
		VersionId string
		IsLatest  bool
	}
	var out struct {
		XMLName             xml.Name `xml:"ListVersionsResult"`
		Xmlns               string   `xml:"xmlns,attr"`
		Name                string
		Prefix              xmlText
		KeyMarker           xmlText
		VersionIdMarker     string
		NextKeyMarker       xmlText `xml:",omitempty"`
		NextVersionIdMarker string  `xml:",omitempty"`
		Delimiter           xmlText `xml:",omitempty"`
		MaxKeys             int
		EncodingType        string `xml:",omitempty"`
		IsTruncated         bool
		Version             []version
		CommonPrefixes      []commonPrefix
	}
	encode := c.keyEncoder()
	out.Xmlns, out.Name, out.Prefix, out.Delimiter, out.KeyMarker = xmlns, c.bucket, encode(in.Prefix), encode(in.Delimiter), encode(marker)
	out.VersionIdMarker = c.query.Get("version-id-marker")
	out.MaxKeys, out.EncodingType, out.IsTruncated, out.NextKeyMarker = in.MaxKeys, c.query.Get("encoding-type"), page.Next != "", encode(page.Next)
	for _, o := range page.Objects {
		out.Version = append(out.Version, version{c.listEntry(o, true), "null", true})
	}
	if n := len(page.Objects); page.Next != "" && n > 0 && page.Objects[n-1].Key == page.Next {
		out.NextVersionIdMarker = "null"
	}
	for _, p := range page.Prefixes {
		out.CommonPrefixes = append(out.CommonPrefixes, commonPrefix{encode(p)})
	}
	return c.writeXML(http.StatusOK, out)
}

func (c *request) listEntry(o s3.Object, owners bool) listEntry {
	e := listEntry{
		Key: c.keyEncoder()(o.Key), LastModified: xmlTime(o.Modified), ETag: quote(o.ETag), Size: o.Size, StorageClass: storageClass(&o),
		ChecksumAlgorithm: o.Checksum.Algorithm, ChecksumType: o.Checksum.Type,
	}
	if owners {
		e.Owner = &theOwner
	}
	return e
}
