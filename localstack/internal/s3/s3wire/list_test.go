package s3wire_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
)

// names are the keys and common prefixes of a page, in order.
func names(t testing.TB, out *awss3.ListObjectsV2Output, enc types.EncodingType) []string {
	t.Helper()
	var list []string
	add := func(s string) {
		if enc == types.EncodingTypeUrl {
			var err error
			s, err = url.QueryUnescape(s)
			check(t, err)
		}
		list = append(list, s)
	}
	for _, o := range out.Contents {
		add(*o.Key)
	}
	for _, p := range out.CommonPrefixes {
		add(*p.Prefix)
	}
	slices.Sort(list)
	return list
}

// wantList is a list by its definition.
func wantList(keys []string, prefix, delimiter, startAfter string) []string {
	var list []string
	for _, k := range slices.Sorted(slices.Values(keys)) {
		if !strings.HasPrefix(k, prefix) || k <= startAfter {
			continue
		}
		if delimiter != "" {
			if i := strings.Index(k[len(prefix):], delimiter); i >= 0 {
				k = k[:len(prefix)+i+len(delimiter)]
			}
		}
		if !slices.Contains(list, k) {
			list = append(list, k)
		}
	}
	return list
}

func TestListV1(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	for _, k := range []string{"a", "b/1", "b/2", "c"} {
		w.put(t, k, "x")
	}
	var got []string
	in := &awss3.ListObjectsInput{Bucket: aws.String("bkt"), Delimiter: aws.String("/"), MaxKeys: aws.Int32(1)}
	for {
		out, err := w.ListObjects(ctx, in)
		check(t, err)
		for _, o := range out.Contents {
			got = append(got, *o.Key)
		}
		for _, p := range out.CommonPrefixes {
			got = append(got, *p.Prefix)
		}
		if !*out.IsTruncated {
			break
		}
		in.Marker = out.NextMarker
	}
	if d := cmp.Diff([]string{"a", "b/", "c"}, got); d != "" {
		t.Error(d)
	}
	none, err := w.ListObjectsV2(ctx, &awss3.ListObjectsV2Input{Bucket: aws.String("bkt"), MaxKeys: aws.Int32(0)})
	check(t, err)
	if len(none.Contents) != 0 || *none.IsTruncated {
		t.Errorf("max-keys 0: %+v", none)
	}
	_, err = w.ListObjectsV2(ctx, &awss3.ListObjectsV2Input{Bucket: aws.String("bkt"), ContinuationToken: aws.String("!")})
	wantError(t, err, "InvalidArgument")
	_, err = w.ListObjectsV2(ctx, &awss3.ListObjectsV2Input{Bucket: aws.String("none")})
	wantError(t, err, "NoSuchBucket")
}
