package s3wire_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func tag(k, v string) types.Tag { return types.Tag{Key: &k, Value: &v} }

// tags reads those of an object.
func (w *world) tags(t testing.TB, key string) []types.Tag {
	t.Helper()
	out, err := w.GetObjectTagging(ctx, &awss3.GetObjectTaggingInput{Bucket: aws.String("bkt"), Key: &key})
	check(t, err)
	return out.TagSet
}

func wantTags(t testing.TB, got []types.Tag, want ...types.Tag) {
	t.Helper()
	if d := cmp.Diff(want, got, cmpopts.IgnoreUnexported(types.Tag{}), cmpopts.EquateEmpty()); d != "" {
		t.Errorf("tags %s", d)
	}
}

func TestObjectTags(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	w.put(t, "k", "x", func(in *awss3.PutObjectInput) { in.Tagging = aws.String("a=1&b=x%20y&c") })
	wantTags(t, w.tags(t, "k"), tag("a", "1"), tag("b", "x y"), tag("c", ""))
	if _, out := w.get(t, "k"); aws.ToInt32(out.TagCount) != 3 {
		t.Errorf("tag count %d", aws.ToInt32(out.TagCount))
	}
	// A copy takes them along unless told otherwise.
	copyTo := func(key string, c func(*awss3.CopyObjectInput)) {
		in := &awss3.CopyObjectInput{Bucket: aws.String("bkt"), Key: &key, CopySource: aws.String("bkt/k")}
		c(in)
		_, err := w.CopyObject(ctx, in)
		check(t, err)
	}
	copyTo("same", func(*awss3.CopyObjectInput) {})
	wantTags(t, w.tags(t, "same"), tag("a", "1"), tag("b", "x y"), tag("c", ""))
	copyTo("other", func(in *awss3.CopyObjectInput) {
		in.TaggingDirective, in.Tagging = types.TaggingDirectiveReplace, aws.String("z=9")
	})
	wantTags(t, w.tags(t, "other"), tag("z", "9"))

	put := func(tags ...types.Tag) error {
		_, err := w.PutObjectTagging(ctx, &awss3.PutObjectTaggingInput{Bucket: aws.String("bkt"), Key: aws.String("k"), Tagging: &types.Tagging{TagSet: tags}})
		return err
	}
	check(t, put(tag("only", "é+-=._:/@")))
	wantTags(t, w.tags(t, "k"), tag("only", "é+-=._:/@"))
	wantError(t, put(tag("twice", "1"), tag("twice", "2")), "InvalidTag")
	wantError(t, put(tag("comma,", "1")), "InvalidTag")
	wantError(t, put(tag("aws:x", "1")), "InvalidTag")
	wantError(t, put(tag("k", strings.Repeat("v", 257))), "InvalidTag")
	wantError(t, put(make11()...), "BadRequest")
	_, err := w.DeleteObjectTagging(ctx, &awss3.DeleteObjectTaggingInput{Bucket: aws.String("bkt"), Key: aws.String("k")})
	check(t, err)
	wantTags(t, w.tags(t, "k"))
	_, err = w.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("bkt"), Key: aws.String("k"), Body: strings.NewReader(""), Tagging: aws.String("a=1&a=2")})
	wantError(t, err, "InvalidArgument")
	_, err = w.GetObjectTagging(ctx, &awss3.GetObjectTaggingInput{Bucket: aws.String("bkt"), Key: aws.String("none")})
	wantError(t, err, "NoSuchKey")
}

func make11() (tags []types.Tag) {
	for i := range 11 {
		tags = append(tags, tag(string(rune('a'+i)), ""))
	}
	return tags
}

func TestBucketTags(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	get := func() ([]types.Tag, error) {
		out, err := w.GetBucketTagging(ctx, &awss3.GetBucketTaggingInput{Bucket: aws.String("bkt")})
		if err != nil {
			return nil, err
		}
		return out.TagSet, nil
	}
	_, err := get()
	wantError(t, err, "NoSuchTagSet")
	_, err = w.PutBucketTagging(ctx, &awss3.PutBucketTaggingInput{Bucket: aws.String("bkt"), Tagging: &types.Tagging{TagSet: []types.Tag{tag("a", "1")}}})
	check(t, err)
	tags, err := get()
	check(t, err)
	wantTags(t, tags, tag("a", "1"))
	_, err = w.DeleteBucketTagging(ctx, &awss3.DeleteBucketTaggingInput{Bucket: aws.String("bkt")})
	check(t, err)
	_, err = get()
	wantError(t, err, "NoSuchTagSet")
}
