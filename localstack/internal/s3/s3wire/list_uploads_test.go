package s3wire_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"
)

// Uploads page by page are all of them, by key and then by time.
func TestListUploads(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	var want []string
	for _, key := range []string{"a", "dir/1", "dir/2", "dir/2", "dir/sub/3", "z"} {
		u, err := w.CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{Bucket: aws.String("bkt"), Key: &key})
		check(t, err)
		want = append(want, key+" "+*u.UploadId)
		w.clock.Advance(1) // of two to one key, the earlier comes first
	}
	for _, size := range []int32{1, 2, 5, 1000} {
		var got []string
		in := &awss3.ListMultipartUploadsInput{Bucket: aws.String("bkt"), MaxUploads: &size}
		for more := true; more; {
			out, err := w.ListMultipartUploads(ctx, in)
			check(t, err)
			for _, u := range out.Uploads {
				got = append(got, *u.Key+" "+*u.UploadId)
			}
			more, in.KeyMarker, in.UploadIdMarker = *out.IsTruncated, out.NextKeyMarker, out.NextUploadIdMarker
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("pages of %d: %s", size, d)
		}
	}
	_, id, _ := strings.Cut(want[0], " ")
	_, err := w.ListMultipartUploads(ctx, &awss3.ListMultipartUploadsInput{Bucket: aws.String("bkt"), KeyMarker: aws.String("z"), UploadIdMarker: &id})
	wantError(t, err, "InvalidArgument")
	out, err := w.ListMultipartUploads(ctx, &awss3.ListMultipartUploadsInput{Bucket: aws.String("bkt"), Prefix: aws.String("dir/"), Delimiter: aws.String("/")})
	check(t, err)
	if len(out.Uploads) != 3 || len(out.CommonPrefixes) != 1 || *out.CommonPrefixes[0].Prefix != "dir/sub/" {
		t.Errorf("uploads %+v, prefixes %+v", out.Uploads, out.CommonPrefixes)
	}
}

// A conditional completion conflicts with what was written, or deleted, to the
// key since the upload began, whatever is there now.
func TestCompletionConflict(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	begun := func(key string) *awss3.CompleteMultipartUploadInput {
		return w.upload(t, key, [][]byte{[]byte("x")}, nil)
	}

	in := begun("deleted")
	w.put(t, "deleted", "x")
	_, err := w.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: aws.String("bkt"), Key: aws.String("deleted")})
	check(t, err)
	in.IfNoneMatch = aws.String("*")
	_, err = w.CompleteMultipartUpload(ctx, in)
	wantError(t, err, "ConditionalRequestConflict")
	w.absent(t, "deleted")

	in = begun("written")
	in.IfMatch = w.put(t, "written", "x").ETag
	_, err = w.CompleteMultipartUpload(ctx, in)
	wantError(t, err, "ConditionalRequestConflict")
	in.IfMatch = aws.String(`"other"`)
	_, err = w.CompleteMultipartUpload(ctx, in)
	wantError(t, err, "PreconditionFailed")
	in.IfMatch = nil // without a condition the last one wins
	_, err = w.CompleteMultipartUpload(ctx, in)
	check(t, err)

	etag := w.put(t, "quiet", "x").ETag
	in = begun("quiet")
	in.IfMatch = etag
	_, err = w.CompleteMultipartUpload(ctx, in)
	check(t, err)
}

// An operation for which S3 has no conditions fails if it has one, instead of
// ignoring it.
func TestConditionsThatWritesLack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	etag := w.put(t, "k", "x").ETag
	for name, c := range map[string]func(*awss3.PutObjectInput){
		"both":      func(in *awss3.PutObjectInput) { in.IfMatch, in.IfNoneMatch = etag, aws.String("*") },
		"any match": func(in *awss3.PutObjectInput) { in.IfMatch = aws.String("*") },
	} {
		in := &awss3.PutObjectInput{Bucket: aws.String("bkt"), Key: aws.String("k"), Body: strings.NewReader("y")}
		c(in)
		_, err := w.PutObject(ctx, in)
		t.Log(name)
		wantError(t, err, "NotImplemented")
	}
	// A delete may ask that there be anything, or this.
	_, err := w.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: aws.String("bkt"), Key: aws.String("k"), IfMatch: aws.String(`"other"`)})
	wantError(t, err, "PreconditionFailed")
	_, err = w.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: aws.String("bkt"), Key: aws.String("k"), IfMatch: etag})
	check(t, err)
	w.absent(t, "k")
}
