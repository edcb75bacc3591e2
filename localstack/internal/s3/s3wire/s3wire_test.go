package s3wire_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/engine"
	"github.com/errandhq/errand/localstack/internal/kv"
	"github.com/errandhq/errand/localstack/internal/s3"
	"github.com/errandhq/errand/localstack/internal/s3/s3wire"
)

const keyID, secret = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

var ctx = context.Background()

// world is an S3 behind an HTTP server, with a bucket "bkt" and a client for it.
type world struct {
	*awss3.Client
	clock    *clock.Manual
	engine   *s3.Engine
	verifier *awswire.Verifier
	url      string
}

type config struct {
	fs  vfs.FS // nil: in memory
	dir string
	tls bool
	// opaque is s3.Config.OpaqueETags.
	opaque bool
	// wrap puts something between server and handler.
	wrap func(http.Handler) http.Handler
}

func newWorld(t *testing.T, c config) *world {
	t.Helper()
	if c.fs == nil {
		c.fs = vfs.NewMem()
	}
	// The SDK signs by the wall clock; this one begins there and is moved by hand.
	w := &world{clock: clock.NewManual(time.Now())}
	store, err := kv.Open(c.fs.PathJoin(c.dir, "db"), kv.Options{FS: c.fs, NoSync: true})
	check(t, err)
	t.Cleanup(func() { check(t, store.Close()) })
	w.engine, err = s3.Open(s3.Config{Config: engine.Config{Store: store, Clock: w.clock, Logf: t.Logf}, Dir: c.fs.PathJoin(c.dir, "s3"), FS: c.fs, OpaqueETags: c.opaque})
	check(t, err)
	t.Cleanup(w.engine.Close)
	w.verifier = awswire.NewVerifier([]awswire.Credentials{{AccessKeyID: keyID, SecretAccessKey: secret}}, w.clock)
	h := s3wire.New(w.engine, s3wire.Options{Verifier: w.verifier})
	if c.wrap != nil {
		h = c.wrap(h)
	}
	srv := httptest.NewUnstartedServer(h)
	if c.tls {
		srv.StartTLS()
	} else {
		srv.Start()
	}
	t.Cleanup(srv.Close)
	w.url = srv.URL
	w.Client = client(srv.URL, srv.Client())
	_, err = w.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: aws.String("bkt")})
	check(t, err)
	return w
}

func client(url string, hc *http.Client, opts ...func(*awss3.Options)) *awss3.Client {
	return awss3.New(awss3.Options{
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported, // as config.LoadDefaultConfig has it
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,

		Region: "us-east-1", BaseEndpoint: &url, UsePathStyle: true, HTTPClient: hc, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(keyID, secret, ""),
	}, opts...)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantError checks that err is of the code; "404" is the code of answers
// without a body.
func wantError(t testing.TB, err error, code string) {
	t.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) || e.ErrorCode() != code {
		t.Fatalf("error %v, want %s", err, code)
	}
}

func (w *world) put(t testing.TB, key, body string, opts ...func(*awss3.PutObjectInput)) *awss3.PutObjectOutput {
	t.Helper()
	in := &awss3.PutObjectInput{Bucket: aws.String("bkt"), Key: &key, Body: strings.NewReader(body)}
	for _, o := range opts {
		o(in)
	}
	out, err := w.PutObject(ctx, in)
	check(t, err)
	return out
}

func (w *world) get(t testing.TB, key string, opts ...func(*awss3.GetObjectInput)) (string, *awss3.GetObjectOutput) {
	t.Helper()
	in := &awss3.GetObjectInput{Bucket: aws.String("bkt"), Key: &key}
	for _, o := range opts {
		o(in)
	}
	out, err := w.GetObject(ctx, in)
	check(t, err)
	defer out.Body.Close()
	b, err := io.ReadAll(out.Body)
	check(t, err)
	return string(b), out
}

// absent checks that there is no object.
func (w *world) absent(t testing.TB, key string) {
	t.Helper()
	_, err := w.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: aws.String("bkt"), Key: &key})
	wantError(t, err, "NotFound")
}

func TestBuckets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	_, err := w.HeadBucket(ctx, &awss3.HeadBucketInput{Bucket: aws.String("bkt")})
	check(t, err)
	_, err = w.HeadBucket(ctx, &awss3.HeadBucketInput{Bucket: aws.String("other")})
	wantError(t, err, "NotFound")
	_, err = w.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: aws.String("west"), CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-west-1"}})
	check(t, err)
	_, err = w.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: aws.String("west"), CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-west-1"}})
	wantError(t, err, "BucketAlreadyOwnedByYou")
	_, err = w.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: aws.String("No_Name")})
	wantError(t, err, "InvalidBucketName")
	loc, err := w.GetBucketLocation(ctx, &awss3.GetBucketLocationInput{Bucket: aws.String("west")})
	check(t, err)
	if loc.LocationConstraint != "eu-west-1" {
		t.Errorf("location %q", loc.LocationConstraint)
	}
	list, err := w.ListBuckets(ctx, &awss3.ListBucketsInput{})
	check(t, err)
	if len(list.Buckets) != 2 || *list.Buckets[0].Name != "bkt" || *list.Buckets[1].Name != "west" {
		t.Errorf("buckets %+v", list.Buckets)
	}
	w.put(t, "k", "x")
	_, err = w.DeleteBucket(ctx, &awss3.DeleteBucketInput{Bucket: aws.String("bkt")})
	wantError(t, err, "BucketNotEmpty")
	_, err = w.DeleteBucket(ctx, &awss3.DeleteBucketInput{Bucket: aws.String("west")})
	check(t, err)
	_, err = w.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("west"), Key: aws.String("k"), Body: strings.NewReader("x")})
	wantError(t, err, "NoSuchBucket")
}

func TestObject(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	for _, key := range []string{"plain", "a/b//c/", "sp ace+plus%20é", "dots/../x/./y", "ends.", "q?a=b&c#d"} {
		w.put(t, key, "hello", func(in *awss3.PutObjectInput) {
			in.Metadata = map[string]string{"Colour": "dark  blue", "n": "1"}
			in.ContentType, in.CacheControl = aws.String("text/plain"), aws.String("no-cache")
			in.ContentDisposition, in.ContentLanguage = aws.String("inline"), aws.String("de")
		})
		body, out := w.get(t, key)
		if body != "hello" || *out.ETag != `"5d41402abc4b2a76b9719d911017c592"` || *out.ContentLength != 5 {
			t.Errorf("%s: %q, %s", key, body, *out.ETag)
		}
		if d := cmp.Diff(map[string]string{"colour": "dark  blue", "n": "1"}, out.Metadata); d != "" {
			t.Errorf("%s: metadata %s", key, d)
		}
		if *out.ContentType != "text/plain" || *out.CacheControl != "no-cache" || *out.ContentDisposition != "inline" || *out.ContentLanguage != "de" {
			t.Errorf("%s: headers %+v", key, out)
		}
		_, err := w.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: aws.String("bkt"), Key: &key})
		check(t, err)
		w.absent(t, key)
	}
	_, err := w.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: aws.String("bkt"), Key: aws.String("never")})
	check(t, err)
	_, err = w.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("bkt"), Key: aws.String("never")})
	wantError(t, err, "NoSuchKey")
	w.put(t, "empty", "")
	if body, _ := w.get(t, "empty"); body != "" {
		t.Errorf("empty object: %q", body)
	}
	_, err = w.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("bkt"), Key: aws.String(strings.Repeat("k", 1025)), Body: strings.NewReader("")})
	wantError(t, err, "KeyTooLongError")
	_, err = w.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("bkt"), Key: aws.String("empty"), VersionId: aws.String("1")})
	wantError(t, err, "InvalidArgument")
}

func TestDeleteObjects(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	w.put(t, "1", "x")
	w.put(t, "2", "x")
	id := func(k string) types.ObjectIdentifier { return types.ObjectIdentifier{Key: &k} }
	out, err := w.DeleteObjects(ctx, &awss3.DeleteObjectsInput{Bucket: aws.String("bkt"), Delete: &types.Delete{Objects: []types.ObjectIdentifier{id("1"), id("2"), id("none"), {Key: aws.String("2"), ETag: aws.String("other")}}}})
	check(t, err)
	if len(out.Deleted) != 4 {
		t.Errorf("deleted %+v, errors %+v", out.Deleted, out.Errors)
	}
	w.absent(t, "1")
	w.absent(t, "2")
	w.put(t, "3", "x")
	out, err = w.DeleteObjects(ctx, &awss3.DeleteObjectsInput{Bucket: aws.String("bkt"), Delete: &types.Delete{Quiet: aws.Bool(true), Objects: []types.ObjectIdentifier{{Key: aws.String("3"), ETag: aws.String("other")}}}})
	check(t, err)
	if len(out.Deleted) != 0 || len(out.Errors) != 1 || *out.Errors[0].Code != "PreconditionFailed" {
		t.Errorf("deleted %+v, errors %+v", out.Deleted, out.Errors)
	}
}

func TestRanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	w.put(t, "k", "0123456789")
	for header, want := range map[string]string{
		"bytes=0-3": "0123", "bytes=4-": "456789", "bytes=-3": "789", "bytes=9-100": "9", "bytes=-100": "0123456789",
		"bytes=1-2,4-5": "0123456789", "lines=1-2": "0123456789", "bytes=5-2": "0123456789",
	} {
		got, out := w.get(t, "k", func(in *awss3.GetObjectInput) { in.Range = aws.String(header) })
		if got != want || *out.ContentLength != int64(len(want)) {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
		if header == "bytes=4-" && *out.ContentRange != "bytes 4-9/10" {
			t.Errorf("Content-Range %s", *out.ContentRange)
		}
	}
	for _, header := range []string{"bytes=10-", "bytes=-0"} {
		_, err := w.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("bkt"), Key: aws.String("k"), Range: &header})
		wantError(t, err, "InvalidRange")
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	etag := *w.put(t, "k", "one").ETag
	put := func(key string, c func(*awss3.PutObjectInput)) error {
		in := &awss3.PutObjectInput{Bucket: aws.String("bkt"), Key: &key, Body: strings.NewReader("two")}
		c(in)
		_, err := w.PutObject(ctx, in)
		return err
	}
	wantError(t, put("k", func(in *awss3.PutObjectInput) { in.IfNoneMatch = aws.String("*") }), "PreconditionFailed")
	wantError(t, put("k", func(in *awss3.PutObjectInput) { in.IfMatch = aws.String(`"other"`) }), "PreconditionFailed")
	wantError(t, put("none", func(in *awss3.PutObjectInput) { in.IfMatch = &etag }), "NoSuchKey")
	wantError(t, put("k", func(in *awss3.PutObjectInput) { in.IfNoneMatch = &etag }), "NotImplemented")
	if body, _ := w.get(t, "k"); body != "one" {
		t.Fatalf("a refused write was applied: %q", body)
	}
	check(t, put("new", func(in *awss3.PutObjectInput) { in.IfNoneMatch = aws.String("*") }))
	check(t, put("k", func(in *awss3.PutObjectInput) { in.IfMatch = &etag }))

	get := func(c func(*awss3.GetObjectInput)) error {
		in := &awss3.GetObjectInput{Bucket: aws.String("bkt"), Key: aws.String("k")}
		c(in)
		out, err := w.GetObject(ctx, in)
		if err == nil {
			out.Body.Close()
		}
		return err
	}
	_, head := w.get(t, "k")
	wantError(t, get(func(in *awss3.GetObjectInput) { in.IfMatch = &etag }), "PreconditionFailed")
	wantError(t, get(func(in *awss3.GetObjectInput) { in.IfNoneMatch = head.ETag }), "NotModified")
	wantError(t, get(func(in *awss3.GetObjectInput) { in.IfModifiedSince = head.LastModified }), "NotModified")
	wantError(t, get(func(in *awss3.GetObjectInput) { in.IfUnmodifiedSince = aws.Time(head.LastModified.Add(-time.Second)) }), "PreconditionFailed")
	check(t, get(func(in *awss3.GetObjectInput) { in.IfMatch = head.ETag }))
	check(t, get(func(in *awss3.GetObjectInput) { in.IfUnmodifiedSince = head.LastModified }))
}

// Of writers that race for a new key, one wins.
func TestIfNoneMatchRace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	const writers = 8
	results := make(chan error, writers)
	for i := range writers {
		go func() {
			_, err := w.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("bkt"), Key: aws.String("k"), IfNoneMatch: aws.String("*"), Body: strings.NewReader(fmt.Sprint(i))})
			results <- err
		}()
	}
	won := 0
	for range writers {
		if err := <-results; err == nil {
			won++
		} else {
			wantError(t, err, "PreconditionFailed")
		}
	}
	if won != 1 {
		t.Errorf("%d writers won", won)
	}
}

func TestVirtualHostedStyle(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	w.put(t, "dir/k", "x")
	for _, host := range []string{"bkt.localhost:4566", "bkt.s3.amazonaws.com", "bkt.s3.eu-west-1.amazonaws.com", "bkt.s3.localhost", "bkt.s3.localhost.localstack.cloud:4566"} {
		r := httptest.NewRequest("GET", "http://"+host+"/dir/k", nil)
		rec := httptest.NewRecorder()
		s3wire.New(w.engine, s3wire.Options{}).ServeHTTP(rec, r)
		if rec.Code != 200 || rec.Body.String() != "x" {
			t.Errorf("%s: %d %s", host, rec.Code, rec.Body)
		}
	}
}

func TestUnsigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	w.put(t, "k", "x")
	resp, err := http.Get(w.url + "/bkt/k")
	check(t, err)
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 403 || !bytes.Contains(body, []byte("<Code>AccessDenied</Code>")) {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

// A list, page by page, is what a plain filter over the sorted keys gives.
func TestListPaging(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		bucket := fmt.Sprintf("list-%d", n)
		check(t, w.engine.CreateBucket(bucket, "us-east-1"))
		keys := rapid.SliceOfNDistinct(rapid.StringMatching(`[ab/é]{1,5}`), 0, 25, rapid.ID[string]).Draw(rt, "keys")
		for _, k := range keys {
			_, err := w.engine.PutObject(s3.PutObjectInput{Bucket: bucket, Key: k, Body: strings.NewReader(k), Size: -1})
			check(t, err)
		}
		prefix := rapid.StringMatching(`[ab/]{0,2}`).Draw(rt, "prefix")
		delimiter := rapid.SampledFrom([]string{"", "/", "b"}).Draw(rt, "delimiter")
		pageSize := rapid.Int32Range(1, 5).Draw(rt, "max-keys")
		startAfter := ""
		if delimiter == "" {
			startAfter = rapid.StringMatching(`[ab/]{0,2}`).Draw(rt, "start-after")
		}
		in := &awss3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix, Delimiter: &delimiter, MaxKeys: &pageSize, StartAfter: &startAfter}
		if rapid.Bool().Draw(rt, "url") {
			in.EncodingType = types.EncodingTypeUrl
		}
		var got []string
		for p := awss3.NewListObjectsV2Paginator(w, in); p.HasMorePages(); {
			out, err := p.NextPage(ctx)
			check(t, err)
			if c := len(out.Contents) + len(out.CommonPrefixes); c > int(pageSize) || int(*out.KeyCount) != c {
				rt.Fatalf("page of %d, KeyCount %d, asked for %d", c, *out.KeyCount, pageSize)
			}
			got = append(got, names(t, out, in.EncodingType)...)
		}
		if d := cmp.Diff(wantList(keys, prefix, delimiter, startAfter), got); d != "" {
			rt.Fatalf("prefix %q, delimiter %q, start after %q: %s", prefix, delimiter, startAfter, d)
		}
	})
}
