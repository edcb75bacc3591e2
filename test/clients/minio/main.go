// Command minio uses S3 at AWS_ENDPOINT_URL as programs with minio-go do, and ends
// with status 1 at the first thing that isn't as it should be.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/lifecycle"
	"github.com/minio/minio-go/v7/pkg/sse"
	"github.com/minio/minio-go/v7/pkg/tags"
)

var ctx = context.Background()

func main() {
	log.SetFlags(0)
	bucket := os.Args[1]
	for i, kind := range []struct {
		name string
		opts minio.Options
	}{
		{"Version 4", minio.Options{Creds: credentials.NewStaticV4("test", "test", "")}},
		{"Version 4, trailing headers", minio.Options{Creds: credentials.NewStaticV4("test", "test", ""), TrailingHeaders: true}},
		{"Version 2", minio.Options{Creds: credentials.NewStaticV2("test", "test", "")}},
	} {
		t := &test{name: kind.name, bucket: fmt.Sprintf("%s-%d", bucket, i), trailers: kind.opts.TrailingHeaders, v2: kind.name == "Version 2"}
		endpoint, err := url.Parse(os.Getenv("AWS_ENDPOINT_URL"))
		t.check(err)
		t.c, err = minio.New(endpoint.Host, &kind.opts)
		t.check(err)
		t.run()
	}
}

// test is a run with one kind of signature.
type test struct {
	name, bucket string
	trailers     bool // without them, minio-go sends no checksums
	v2           bool
	c            *minio.Client
}

func (t *test) check(err error) {
	if err != nil {
		t.fail("%+v", err)
	}
}

func (t *test) fail(format string, args ...any) {
	_ = log.Output(2, t.name+": "+fmt.Sprintf(format, args...))
	panic(t.name)
}

func (t *test) run() {
	t.check(t.c.MakeBucket(ctx, t.bucket, minio.MakeBucketOptions{}))
	t.objects()
	t.checksums()
	t.multipart()
	t.presigned()
	t.form()
	t.settings()
	t.remove()
}

func (t *test) put(key, body string, opts minio.PutObjectOptions) minio.UploadInfo {
	info, err := t.c.PutObject(ctx, t.bucket, key, strings.NewReader(body), int64(len(body)), opts)
	t.check(err)
	return info
}

func (t *test) get(key string, opts minio.GetObjectOptions) string {
	o, err := t.c.GetObject(ctx, t.bucket, key, opts)
	t.check(err)
	b, err := io.ReadAll(o)
	t.check(err)
	return string(b)
}

func (t *test) objects() {
	const key = "dir/a b+ü.txt"
	t.put(key, "hello", minio.PutObjectOptions{ContentType: "text/plain", UserMetadata: map[string]string{"colour": "blue"}, UserTags: map[string]string{"k": "v"}})
	if got := t.get(key, minio.GetObjectOptions{}); got != "hello" {
		t.fail("got %q", got)
	}
	stat, err := t.c.StatObject(ctx, t.bucket, key, minio.StatObjectOptions{})
	t.check(err)
	if stat.Size != 5 || stat.ContentType != "text/plain" || stat.UserMetadata["Colour"] != "blue" || stat.UserTagCount != 1 {
		t.fail("%+v", stat)
	}
	var ranged minio.GetObjectOptions
	t.check(ranged.SetRange(1, 2))
	if got := t.get(key, ranged); got != "el" {
		t.fail("range: %q", got)
	}
	_, err = t.c.CopyObject(ctx, minio.CopyDestOptions{Bucket: t.bucket, Object: "copy"}, minio.CopySrcOptions{Bucket: t.bucket, Object: key})
	t.check(err)
	var names []string
	for o := range t.c.ListObjects(ctx, t.bucket, minio.ListObjectsOptions{Recursive: true, MaxKeys: 1}) {
		t.check(o.Err)
		names = append(names, o.Key)
	}
	if !slices.Equal(names, []string{"copy", key}) {
		t.fail("listed %q", names)
	}
	_, err = t.c.StatObject(ctx, t.bucket, "none", minio.StatObjectOptions{})
	if minio.ToErrorResponse(err).Code != minio.NoSuchKey {
		t.fail("%v", err)
	}
}

func (t *test) checksums() {
	t.put("sum", "hello", minio.PutObjectOptions{SendContentMd5: true})
	if !t.trailers {
		return
	}
	for _, sum := range []minio.ChecksumType{minio.ChecksumCRC32, minio.ChecksumCRC32C, minio.ChecksumSHA1, minio.ChecksumSHA256, minio.ChecksumCRC64NVME} {
		info := t.put("sum", "hello", minio.PutObjectOptions{Checksum: sum})
		stat, err := t.c.StatObject(ctx, t.bucket, "sum", minio.StatObjectOptions{Checksum: true})
		t.check(err)
		if stat.ETag != info.ETag || stat.ChecksumCRC32+stat.ChecksumCRC32C+stat.ChecksumSHA1+stat.ChecksumSHA256+stat.ChecksumCRC64NVME == "" {
			t.fail("%s: %+v", sum, stat)
		}
	}
}

// multipart uploads a stream of unknown length.
func (t *test) multipart() {
	body := bytes.Repeat([]byte("0123456789abcdef"), 11<<16)
	_, err := t.c.PutObject(ctx, t.bucket, "large", io.MultiReader(bytes.NewReader(body)), -1, minio.PutObjectOptions{PartSize: 5 << 20, ConcurrentStreamParts: true, NumThreads: 3})
	t.check(err)
	if got := t.get("large", minio.GetObjectOptions{}); sha256.Sum256([]byte(got)) != sha256.Sum256(body) {
		t.fail("%d bytes came back as %d others", len(body), len(got))
	}
	_, err = t.c.ComposeObject(ctx, minio.CopyDestOptions{Bucket: t.bucket, Object: "composed"},
		minio.CopySrcOptions{Bucket: t.bucket, Object: "large"}, minio.CopySrcOptions{Bucket: t.bucket, Object: "sum"})
	t.check(err)
	stat, err := t.c.StatObject(ctx, t.bucket, "composed", minio.StatObjectOptions{})
	t.check(err)
	if stat.Size != int64(len(body))+5 {
		t.fail("composed of %d bytes", stat.Size)
	}
	for u := range t.c.ListIncompleteUploads(ctx, t.bucket, "", true) {
		t.fail("an upload is left: %+v", u)
	}
}

func (t *test) presigned() {
	put, err := t.c.PresignedPutObject(ctx, t.bucket, "linked", time.Minute)
	t.check(err)
	t.send("PUT", put.String(), "", strings.NewReader("by link"))
	get, err := t.c.PresignedGetObject(ctx, t.bucket, "linked", time.Minute, url.Values{"response-content-type": {"text/x"}})
	t.check(err)
	if got := t.send("GET", get.String(), "", nil); got != "by link" {
		t.fail("got %q", got)
	}
}

func (t *test) form() {
	p := minio.NewPostPolicy()
	t.check(p.SetBucket(t.bucket))
	t.check(p.SetKey("formed"))
	t.check(p.SetExpires(time.Now().Add(time.Minute)))
	t.check(p.SetContentLengthRange(1, 10))
	to, fields, err := t.c.PresignedPostPolicy(ctx, p)
	t.check(err)
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for k, v := range fields {
		t.check(m.WriteField(k, v))
	}
	file, err := m.CreateFormFile("file", "x")
	t.check(err)
	_, err = io.WriteString(file, "by form")
	t.check(err)
	t.check(m.Close())
	t.send("POST", to.String(), m.FormDataContentType(), &b)
	if got := t.get("formed", minio.GetObjectOptions{}); got != "by form" {
		t.fail("got %q", got)
	}
}

// send does a request without minio-go, which must succeed.
func (t *test) send(method, url, contentType string, body io.Reader) string {
	r, err := http.NewRequest(method, url, body)
	t.check(err)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	resp, err := http.DefaultClient.Do(r)
	t.check(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	t.check(err)
	if resp.StatusCode/100 != 2 {
		t.fail("%s %s: %s %s", method, url, resp.Status, b)
	}
	return string(b)
}

func (t *test) settings() {
	if !t.v2 { // AWS's SDKs sign this parameter in another way
		t.check(t.c.SetBucketEncryption(ctx, t.bucket, sse.NewConfigurationSSES3()))
	}
	rules := lifecycle.NewConfiguration()
	rules.Rules = []lifecycle.Rule{{ID: "r", Status: "Enabled", RuleFilter: lifecycle.Filter{Prefix: "logs/"}, Expiration: lifecycle.Expiration{Days: 1}}}
	t.check(t.c.SetBucketLifecycle(ctx, t.bucket, rules))
	kept, err := t.c.GetBucketLifecycle(ctx, t.bucket)
	t.check(err)
	if len(kept.Rules) != 1 || kept.Rules[0].RuleFilter.Prefix != "logs/" {
		t.fail("%+v", kept)
	}
	set, err := tags.NewTags(map[string]string{"team": "a"}, false)
	t.check(err)
	t.check(t.c.SetBucketTagging(ctx, t.bucket, set))
	versioning, err := t.c.GetBucketVersioning(ctx, t.bucket)
	t.check(err)
	if versioning.Status != "" {
		t.fail("%+v", versioning)
	}
}

func (t *test) remove() {
	for e := range t.c.RemoveObjects(ctx, t.bucket, t.c.ListObjects(ctx, t.bucket, minio.ListObjectsOptions{Recursive: true}), minio.RemoveObjectsOptions{}) {
		t.fail("%+v", e)
	}
	t.check(t.c.RemoveBucket(ctx, t.bucket))
}
