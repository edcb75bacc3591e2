// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectTagging.html

package s3

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// Tag is a label of a bucket or an object.
type Tag struct{ Key, Value string }

// S3's limits on the tags of one object and of one bucket.
const (
	MaxObjectTags = 10
	MaxBucketTags = 50
)

var tagText = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

// CheckTags refuses tags that S3 refuses: duplicate keys, too long ones, and
// characters other than letters, digits, spaces and _ . : / = + - @.
// Errors: InvalidTag, BadRequest.
func CheckTags(tags []Tag, most int) error {
	if len(tags) > most {
		return newError(400, "BadRequest", map[int]string{MaxObjectTags: "Object tags cannot be greater than 10", MaxBucketTags: "Bucket tag count cannot be greater than 50"}[most])
	}
	seen := map[string]bool{}
	for _, t := range tags {
		switch {
		case seen[t.Key]:
			return newError(400, "InvalidTag", "Cannot provide multiple Tags with the same key", "TagKey", t.Key)
		case strings.HasPrefix(t.Key, "aws:") && most == MaxObjectTags:
			return newError(400, "InvalidTag", "Your TagKey cannot be prefixed with aws:", "TagKey", t.Key)
		case strings.HasPrefix(t.Key, "aws:"):
			return newError(400, "InvalidTag", "System tags cannot be added/updated by requester", "TagKey", t.Key)
		case t.Key == "" || utf8.RuneCountInString(t.Key) > 128 || !tagText.MatchString(t.Key):
			return newError(400, "InvalidTag", "The TagKey you have provided is invalid", "TagKey", t.Key)
		case utf8.RuneCountInString(t.Value) > 256 || !tagText.MatchString(t.Value):
			return newError(400, "InvalidTag", "The TagValue you have provided is invalid", "TagKey", t.Key, "TagValue", t.Value)
		}
		seen[t.Key] = true
	}
	return nil
}

// PutObjectTagging replaces the tags of an object; none removes them.
// Errors: NoSuchBucket, NoSuchKey, as CheckTags.
func (e *Engine) PutObjectTagging(bucket, key string, tags []Tag) error {
	if err := CheckTags(tags, MaxObjectTags); err != nil {
		return err
	}
	return e.update(func(b *batch) ([]Part, error) {
		o, err := e.getLiveObject(bucket, key)
		if err != nil {
			return nil, err
		}
		o.Tags = tags
		b.setObject(bucket, o)
		return nil, nil
	})
}

// PutBucketTagging replaces the tags of a bucket; none removes them.
// Errors: NoSuchBucket, as CheckTags.
func (e *Engine) PutBucketTagging(bucket string, tags []Tag) error {
	if err := CheckTags(tags, MaxBucketTags); err != nil {
		return err
	}
	return e.updateBucket(bucket, func(b *Bucket) { b.Tags = tags })
}
