// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html

package s3wire

import (
	"cmp"
	"encoding/xml"
	"net/http"

	"github.com/errandhq/errand/localstack/internal/s3"
)

type listedUpload struct {
	Key                               xmlText
	UploadId, Initiated, StorageClass string
	Initiator, Owner                  owner
	ChecksumAlgorithm                 s3.Algorithm `xml:",omitempty"`
	ChecksumType                      string       `xml:",omitempty"`
}

type uploadsResult struct {
	XMLName            xml.Name `xml:"ListMultipartUploadsResult"`
	Xmlns              string   `xml:"xmlns,attr"`
	Bucket             string
	KeyMarker          xmlText
	UploadIdMarker     string
	NextKeyMarker      xmlText
	NextUploadIdMarker string
	Prefix             xmlText `xml:",omitempty"`
	Delimiter          xmlText `xml:",omitempty"`
	EncodingType       string  `xml:",omitempty"`
	MaxUploads         int
	IsTruncated        bool
	Upload             []listedUpload
	CommonPrefixes     []commonPrefix
}

func (c *request) listMultipartUploads() error {
	limit, err := c.pageSize("max-uploads")
	if err != nil {
		return err
	}
	if err := c.checkEncoding(); err != nil {
		return err
	}
	in := s3.ListMultipartUploadsInput{Prefix: c.query.Get("prefix"), Delimiter: c.query.Get("delimiter"), AfterKey: c.query.Get("key-marker"), Max: limit}
	if in.AfterKey != "" { // without it S3 ignores the other one
		in.AfterID = c.query.Get("upload-id-marker")
	}
	page, err := c.engine.ListMultipartUploads(c.bucket, in)
	if err != nil {
		return err
	}
	encode := c.keyEncoder()
	out := uploadsResult{
		Xmlns: xmlns, Bucket: c.bucket, KeyMarker: encode(in.AfterKey), UploadIdMarker: in.AfterID, Prefix: encode(in.Prefix),
		Delimiter: encode(in.Delimiter), EncodingType: c.query.Get("encoding-type"), MaxUploads: limit, IsTruncated: page.More,
	}
	for _, u := range page.Uploads {
		out.Upload = append(out.Upload, listedUpload{
			encode(u.Key), u.ID, xmlTime(u.Initiated), cmp.Or(u.StorageClass, "STANDARD"), theInitiator, theOwner, u.Algorithm, u.ChecksumType,
		})
		out.NextKeyMarker, out.NextUploadIdMarker = encode(u.Key), u.ID
	}
	for _, p := range page.Prefixes {
		out.CommonPrefixes = append(out.CommonPrefixes, commonPrefix{encode(p)})
		// Beyond an upload, so that no page begins again at the prefix.
		if page.More && encode(p) > out.NextKeyMarker {
			out.NextKeyMarker, out.NextUploadIdMarker = encode(p), ""
		}
	}
	return c.writeXML(http.StatusOK, out)
}
