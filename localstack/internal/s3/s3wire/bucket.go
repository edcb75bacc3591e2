package s3wire

import (
	"encoding/xml"
	"net/http"
	"strings"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// owner is who owns everything in the stack.
type owner struct{ ID, DisplayName string }

var theOwner = owner{ID: strings.Repeat("0", 52) + awswire.Account, DisplayName: "errand"}

func (c *call) listBuckets() error {
	buckets, err := c.engine.Buckets()
	if err != nil {
		return err
	}
	type bucket struct{ Name, CreationDate, BucketRegion string }
	var out struct {
		XMLName xml.Name `xml:"ListAllMyBucketsResult"`
		Xmlns   string   `xml:"xmlns,attr"`
		Owner   owner
		Buckets []bucket `xml:"Buckets>Bucket"`
		Prefix  string   `xml:",omitempty"`
	}
	out.Xmlns, out.Owner, out.Prefix = xmlns, theOwner, c.query.Get("prefix")
	for _, b := range buckets {
		if strings.HasPrefix(b.Name, out.Prefix) {
			out.Buckets = append(out.Buckets, bucket{b.Name, xmlTime(b.Created), b.Region})
		}
	}
	return c.writeXML(http.StatusOK, out)
}

func (c *call) createBucket() error {
	region := awswire.IdentityFrom(c.r.Context()).Region
	var in struct {
		LocationConstraint string
	}
	if c.r.ContentLength != 0 {
		if err := c.readXML(&in); err != nil {
			return err
		}
	}
	if in.LocationConstraint != "" {
		region = in.LocationConstraint
	}
	if err := c.engine.CreateBucket(c.bucket, region); err != nil {
		return err
	}
	c.w.Header().Set("Location", "/"+c.bucket)
	c.w.WriteHeader(http.StatusOK)
	return nil
}

func (c *call) headBucket() error {
	b, err := c.engine.Bucket(c.bucket)
	if err != nil {
		return err
	}
	c.w.Header().Set("x-amz-bucket-region", b.Region)
	c.w.WriteHeader(http.StatusOK)
	return nil
}

func (c *call) deleteBucket() error {
	if err := c.engine.DeleteBucket(c.bucket); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (c *call) getLocation() error {
	b, err := c.engine.Bucket(c.bucket)
	if err != nil {
		return err
	}
	out := struct {
		XMLName xml.Name `xml:"LocationConstraint"`
		Xmlns   string   `xml:"xmlns,attr"`
		Region  string   `xml:",chardata"`
	}{Xmlns: xmlns, Region: b.Region}
	if b.Region == awswire.DefaultRegion {
		out.Region = "" // as S3 says us-east-1
	}
	return c.writeXML(http.StatusOK, out)
}

// getVersioning answers that versioning was never enabled: it can't be here.
func (c *call) getVersioning() error {
	if _, err := c.engine.Bucket(c.bucket); err != nil {
		return err
	}
	return c.writeXML(http.StatusOK, struct {
		XMLName xml.Name `xml:"VersioningConfiguration"`
		Xmlns   string   `xml:"xmlns,attr"`
	}{Xmlns: xmlns})
}
