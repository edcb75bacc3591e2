// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html

package s3wire

import (
	"cmp"
	"encoding/xml"
	"net/http"
	"regexp"
	"strings"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/s3"
)

// owner owns everything in the stack. S3 no longer returns a DisplayName, except for
// the initiator of a multipart upload.
type owner struct {
	ID          string
	DisplayName string `xml:",omitempty"`
}

var theOwner = owner{ID: strings.Repeat("0", 52) + awswire.Account}
var theInitiator = owner{ID: theOwner.ID, DisplayName: "errand"}

// regionPattern matches the name of a region. "aws-global" is another name of us-east-1.
var regionPattern = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d$`)

func bucketARN(name string) string { return "arn:aws:s3:::" + name }

func (c *request) createBucket() error {
	endpoint := awswire.IdentityFrom(c.r.Context()).Region
	if !regionPattern.MatchString(endpoint) {
		endpoint = awswire.DefaultRegion
	}
	var in struct {
		LocationConstraint *string
		Tags               []xmlTag  `xml:"Tags>Tag"`
		Location, Bucket   *struct{} // of a directory bucket
	}
	if c.r.ContentLength != 0 {
		if err := c.readXML(&in); err != nil {
			return err
		}
	}
	if in.Location != nil || in.Bucket != nil {
		return notImplemented("directory buckets")
	}
	where, err := locationConstraint(endpoint, in.LocationConstraint)
	if err != nil {
		return err
	}
	legacyLocation := ""
	if c := in.LocationConstraint; c != nil && *c == "EU" {
		legacyLocation = *c
	}
	tags, err := readTags(in.Tags)
	if err != nil {
		return err
	}
	b := s3.Bucket{Location: legacyLocation, Name: c.bucket, Region: where, Tags: tags, Ownership: s3.BucketOwnerEnforced}
	if v, ok := c.r.Header["X-Amz-Object-Ownership"]; ok {
		b.Ownership = v[0]
	}
	if err := checkOwnership(b.Ownership); err != nil {
		return err
	}
	if err := c.engine.NewBucket(b); err != nil {
		return err
	}
	c.w.Header().Set("Location", "/"+c.bucket)
	if in.LocationConstraint != nil {
		c.w.Header().Set("Location", "http://"+c.bucket+".s3.amazonaws.com/")
	}
	c.w.Header().Set("x-amz-bucket-arn", bucketARN(c.bucket))
	c.w.WriteHeader(http.StatusOK)
	return nil
}

// locationConstraint returns the region of a bucket that is created at a region's
// endpoint. Only us-east-1's creates buckets in other regions, and only there the
// constraint may be absent.
func locationConstraint(endpoint string, wanted *string) (string, error) {
	global := endpoint == awswire.DefaultRegion
	switch {
	case wanted == nil && global:
		return endpoint, nil
	case wanted == nil:
		return "", illegalLocation("unspecified")
	case *wanted == "EU" && (global || endpoint == "eu-west-1"):
		return "eu-west-1", nil
	case global && (*wanted == awswire.DefaultRegion || !regionPattern.MatchString(*wanted)):
		e := awswire.Errorf(http.StatusBadRequest, "InvalidLocationConstraint", "The specified location-constraint is not valid")
		e.Fields = map[string]any{"LocationConstraint": *wanted}
		return "", e
	case !global && *wanted != endpoint:
		return "", illegalLocation(*wanted)
	}
	return *wanted, nil
}

func illegalLocation(wanted string) error {
	return awswire.Errorf(http.StatusBadRequest, "IllegalLocationConstraintException", "The %s location constraint is incompatible for the region specific endpoint this request was sent to.", wanted)
}

func (c *request) headBucket() error {
	b, err := c.engine.Bucket(c.bucket)
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("x-amz-bucket-region", b.Region)
	h.Set("x-amz-access-point-alias", "false")
	h.Set("x-amz-bucket-arn", bucketARN(b.Name))
	h.Set("Content-Type", "application/xml")
	c.w.WriteHeader(http.StatusOK)
	return nil
}

func (c *request) deleteBucket() error {
	if err := c.engine.DeleteBucket(c.bucket); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (c *request) getBucketLocation() error {
	b, err := c.engine.Bucket(c.bucket)
	if err != nil {
		return err
	}
	out := struct {
		XMLName xml.Name `xml:"LocationConstraint"`
		Xmlns   string   `xml:"xmlns,attr"`
		Region  string   `xml:",chardata"`
	}{Xmlns: xmlns, Region: cmp.Or(b.Location, b.Region)}
	if b.Region == awswire.DefaultRegion {
		out.Region = "" // as S3 says us-east-1
	}
	return c.writeXML(http.StatusOK, out)
}

// getBucketVersioning always answers that versioning was never enabled.
func (c *request) getBucketVersioning() error {
	if _, err := c.engine.Bucket(c.bucket); err != nil {
		return err
	}
	return c.writeXML(http.StatusOK, struct {
		XMLName xml.Name `xml:"VersioningConfiguration"`
		Xmlns   string   `xml:"xmlns,attr"`
	}{Xmlns: xmlns})
}
