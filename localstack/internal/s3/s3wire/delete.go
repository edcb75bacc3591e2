// https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html

package s3wire

import (
	"encoding/xml"
	"errors"
	"net/http"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/s3"
)

const maxDeletes = 1000

func (c *request) deleteObjects() error {
	var in struct {
		Quiet  bool
		Object []struct {
			Key, ETag, VersionId string
			Other                []struct{ XMLName xml.Name } `xml:",any"` // conditions of directory buckets
		}
	}
	p, err := c.payload()
	if err != nil {
		return err
	}
	if !p.checked {
		return invalidRequest("Missing required header for this request: Content-MD5")
	}
	if err := c.readXML(&in); err != nil {
		return err
	}
	if len(in.Object) == 0 || len(in.Object) > maxDeletes { // S3's own limit
		return malformedXML()
	}
	list := make([]s3.ObjectIdentifier, len(in.Object))
	for i, o := range in.Object {
		if o.Key == "" {
			return malformedXML()
		}
		if len(o.Other) > 0 {
			return notImplemented("DeleteObjects with " + o.Other[0].XMLName.Local)
		}
		list[i] = s3.ObjectIdentifier{Key: o.Key, Conditions: s3.Conditions{IfMatch: o.ETag}, OtherVersion: o.VersionId != "" && o.VersionId != "null"}
	}
	errs, err := c.engine.DeleteObjects(c.bucket, list)
	if err != nil {
		return err
	}
	type deleted struct{ Key xmlText }
	type failed struct {
		Key           xmlText
		VersionId     string `xml:",omitempty"`
		Code, Message string
	}
	var out struct {
		XMLName xml.Name `xml:"DeleteResult"`
		Xmlns   string   `xml:"xmlns,attr"`
		Deleted []deleted
		Error   []failed
	}
	out.Xmlns = xmlns
	for i, o := range list {
		var e *awswire.Error
		switch {
		case errors.As(errs[i], &e):
			out.Error = append(out.Error, failed{xmlText(o.Key), in.Object[i].VersionId, e.Code, e.Message})
		case !in.Quiet:
			out.Deleted = append(out.Deleted, deleted{xmlText(o.Key)})
		}
	}
	return c.writeXML(http.StatusOK, out)
}
