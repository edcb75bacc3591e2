// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectTagging.html

package s3wire

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/s3"
)

// tagging is a set of tags in XML.
type tagging struct {
	XMLName xml.Name `xml:"Tagging"`
	Xmlns   string   `xml:"xmlns,attr,omitempty"`
	TagSet  struct {
		Tag []xmlTag
	}
}

type xmlTag struct{ Key, Value *string }

// readTags refuses tags without a key or a value.
func readTags(list []xmlTag) ([]s3.Tag, error) {
	var tags []s3.Tag
	for _, tag := range list {
		if tag.Key == nil || tag.Value == nil {
			return nil, malformedXML()
		}
		tags = append(tags, s3.Tag{Key: *tag.Key, Value: *tag.Value})
	}
	return tags, nil
}

// headerTags reads x-amz-tagging, which has the format of a URL query.
func headerTags(value string) ([]s3.Tag, error) {
	var tags []s3.Tag
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(value, "&") {
		if pair == "" {
			continue
		}
		k, v, _ := strings.Cut(pair, "=")
		key, err1 := url.QueryUnescape(k)
		val, err2 := url.QueryUnescape(v)
		if err1 != nil || err2 != nil || seen[key] || strings.Contains(v, "=") {
			return nil, invalidArgument("x-amz-tagging", value, "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.")
		}
		seen[key] = true
		tags = append(tags, s3.Tag{Key: key, Value: val})
	}
	return tags, nil
}

func (c *request) readTagging() ([]s3.Tag, error) {
	var in tagging
	if err := c.readXML(&in); err != nil {
		return nil, err
	}
	return readTags(in.TagSet.Tag)
}

func (c *request) writeTags(tags []s3.Tag) error {
	out := tagging{Xmlns: xmlns}
	for _, t := range tags {
		out.TagSet.Tag = append(out.TagSet.Tag, xmlTag{&t.Key, &t.Value})
	}
	return c.writeXML(http.StatusOK, out)
}

func (c *request) getObjectTagging() error {
	o, _, err := c.engine.HeadObject(s3.GetObjectInput{Bucket: c.bucket, Key: c.key})
	if err != nil {
		return err
	}
	return c.writeTags(o.Tags)
}

func (c *request) putObjectTagging() error {
	tags, err := c.readTagging()
	if err != nil {
		return err
	}
	return c.respond(c.engine.PutObjectTagging(c.bucket, c.key, tags), http.StatusOK)
}

func (c *request) deleteObjectTagging() error {
	return c.respond(c.engine.PutObjectTagging(c.bucket, c.key, nil), http.StatusNoContent)
}

func (c *request) getBucketTagging() error {
	b, err := c.engine.Bucket(c.bucket)
	if err != nil {
		return err
	}
	if len(b.Tags) == 0 {
		return c.notFound("NoSuchTagSet", "The TagSet does not exist")
	}
	return c.writeTags(b.Tags)
}

func (c *request) putBucketTagging() error {
	tags, err := c.readTagging()
	if err != nil {
		return err
	}
	return c.respond(c.engine.PutBucketTagging(c.bucket, tags), http.StatusNoContent)
}

func (c *request) deleteBucketTagging() error {
	return c.respond(c.engine.PutBucketTagging(c.bucket, nil), http.StatusNoContent)
}

// notFound is the error for a configuration that the bucket doesn't have.
func (c *request) notFound(code, message string) *awswire.Error {
	e := awswire.Errorf(http.StatusNotFound, code, "%s", message)
	e.Fields = map[string]any{"BucketName": c.bucket}
	return e
}
