package s3wire_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/errandhq/errand/localstack/internal/s3/s3wire"
)

func signV2(text string) string {
	h := hmac.New(sha1.New, []byte(secret))
	h.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// presignV2 presigns as boto3 does by default in us-east-1: a header is the
// parameter of its name. header is "" or "name:value".
func presignV2(method, base, path, contentType, header string, expires time.Time) string {
	end := fmt.Sprint(expires.Unix())
	text := method + "\n\n" + contentType + "\n" + end + "\n"
	q := url.Values{"AWSAccessKeyId": {keyID}, "Expires": {end}}
	if name, value, ok := strings.Cut(header, ":"); ok {
		q.Set(name, value)
		text += header + "\n"
	}
	if contentType != "" {
		q.Set("content-type", contentType)
	}
	q.Set("Signature", signV2(text+path))
	return base + path + "?" + q.Encode()
}

// do sends a request and returns the status and the body.
func do(t *testing.T, method, url, body string, change func(*http.Request)) (int, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	check(t, err)
	if change != nil {
		change(r)
	}
	resp, err := http.DefaultClient.Do(r)
	check(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	check(t, err)
	return resp.StatusCode, string(b)
}

func TestPresignedV2(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	end := w.clock.Now().Add(time.Minute)
	put := presignV2("PUT", w.url, "/bkt/a%20b", "text/plain", "x-amz-meta-colour:blue", end)
	if status, text := do(t, "PUT", put, "hello", nil); status != 403 || !strings.Contains(text, "SignatureDoesNotMatch") {
		t.Errorf("PUT without its Content-Type: %d %s", status, text)
	}
	w.absent(t, "a b")
	typed := func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }
	if status, text := do(t, "PUT", put, "hello", typed); status != 200 {
		t.Errorf("PUT: %d %s", status, text)
	}
	if body, out := w.get(t, "a b"); body != "hello" || *out.ContentType != "text/plain" || out.Metadata["colour"] != "blue" {
		t.Errorf("stored %q, %v", body, out.Metadata)
	}
	get := presignV2("GET", w.url, "/bkt/a%20b", "", "", end)
	if status, text := do(t, "GET", get, "", nil); status != 200 || text != "hello" {
		t.Errorf("GET: %d %s", status, text)
	}
	vhost := presignV2("GET", "http://bkt.localhost", "/bkt/a%20b", "", "", end)
	vhost = strings.Replace(vhost, "http://bkt.localhost/bkt", w.url, 1)
	if status, text := do(t, "GET", vhost, "", func(r *http.Request) { r.Host = "bkt.localhost" }); status != 200 || text != "hello" {
		t.Errorf("GET by the bucket's host: %d %s", status, text)
	}
	if status, _ := do(t, "HEAD", presignV2("HEAD", w.url, "/bkt/a%20b", "", "", end), "", nil); status != 200 {
		t.Errorf("HEAD: %d", status)
	}
	if status, text := do(t, "DELETE", presignV2("DELETE", w.url, "/bkt/a%20b", "", "", end), "", nil); status != 204 {
		t.Errorf("DELETE: %d %s", status, text)
	}
	w.absent(t, "a b")
	w.clock.Advance(2 * time.Minute)
	if status, text := do(t, "GET", get, "", nil); status != 403 || !strings.Contains(text, "Request has expired") {
		t.Errorf("expired: %d %s", status, text)
	}
}

// Headers with Signature Version 2, as s3cmd and old SDKs send them.
func TestHeaderV2(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	date := w.clock.Now().UTC().Format(http.TimeFormat)
	signed := func(text string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Date", date)
			r.Header.Set("Authorization", "AWS "+keyID+":"+signV2(text))
		}
	}
	if status, text := do(t, "PUT", w.url+"/bkt/k", "hello", signed("PUT\n\n\n"+date+"\n/bkt/k")); status != 200 {
		t.Errorf("PUT: %d %s", status, text)
	}
	if status, text := do(t, "GET", w.url+"/bkt/k", "", signed("GET\n\n\n"+date+"\n/bkt/k")); status != 200 || text != "hello" {
		t.Errorf("GET: %d %s", status, text)
	}
	if status, text := do(t, "DELETE", w.url+"/bkt/k", "", signed("GET\n\n\n"+date+"\n/bkt/k")); status != 403 || !strings.Contains(text, "SignatureDoesNotMatch") {
		t.Errorf("another method: %d %s", status, text)
	}
}

// Newer regions never accepted Signature Version 2.
func TestV2InNewerRegion(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	for region, want := range map[string]int{"eu-central-1": 400, "eu-west-1": 404} {
		_, err := w.CreateBucket(ctx, &awss3.CreateBucketInput{
			Bucket: aws.String("in-" + region), CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(region)},
		}, func(o *awss3.Options) { o.Region = region })
		check(t, err)
		path := "/in-" + region + "/k"
		if status, text := do(t, "GET", presignV2("GET", w.url, path, "", "", w.clock.Now().Add(time.Minute)), "", nil); status != want {
			t.Errorf("%s: %d %s", region, status, text)
		}
	}
}

// formV2 is the form of boto3's generate_presigned_post by default.
func formV2(key string, expires time.Time) map[string]string {
	policy := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, `{"expiration": %q, "conditions": [{"bucket": "bkt"}, {"key": %q}, ["content-length-range", 1, 5]]}`,
		expires.UTC().Format(time.RFC3339), key))
	return map[string]string{"key": key, "AWSAccessKeyId": keyID, "policy": policy, "signature": signV2(policy)}
}

func TestPostPolicyV2(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	form := formV2("k", w.clock.Now().Add(time.Minute))
	if status, text, _ := postForm(t, w.url+"/bkt", form, "hello!"); status != 400 || !strings.Contains(text, "EntityTooLarge") {
		t.Errorf("too long: %d %s", status, text)
	}
	w.absent(t, "k")
	if status, text, _ := postForm(t, w.url+"/bkt", form, "hello"); status != 204 {
		t.Errorf("%d %s", status, text)
	}
	if body, _ := w.get(t, "k"); body != "hello" {
		t.Errorf("stored %q", body)
	}
	form["signature"] = signV2("another policy")
	if status, text, _ := postForm(t, w.url+"/bkt", form, "hello"); status != 403 || !strings.Contains(text, "SignatureDoesNotMatch") {
		t.Errorf("wrong signature: %d %s", status, text)
	}
	w.clock.Advance(2 * time.Minute)
	if status, text, _ := postForm(t, w.url+"/bkt", formV2("k", w.clock.Now().Add(-time.Second)), "hello"); status != 403 || !strings.Contains(text, "Policy expired") {
		t.Errorf("expired: %d %s", status, text)
	}
}

// What strangers reach accepts Version 4 alone.
func TestPresignedRefusesV2(t *testing.T) {
	t.Parallel()
	w, _ := newPresigned(t)
	w.put(t, "k", "x")
	end := w.clock.Now().Add(time.Minute)
	const want = "Please use AWS4-HMAC-SHA256"
	for _, method := range []string{"GET", "PUT"} {
		if status, text := do(t, method, presignV2(method, w.url, "/bkt/k", "", "", end), "", nil); status != 400 || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s", method, status, text)
		}
	}
	if status, text, _ := postForm(t, w.url+"/bkt", formV2("k", end), "hello"); status != 400 || !strings.Contains(text, want) {
		t.Errorf("form: %d %s", status, text)
	}
	if body, _ := w.get(t, "k"); body != "x" {
		t.Errorf("the object is now %q", body)
	}
}

// SDKs move x-amz- headers into the presigned URL (aws-sdk-js does so for all).
func TestPresignedHeadersInQuery(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	put := presignQuery(t, "", w, "x-amz-meta-a=b&x-amz-storage-class=STANDARD_IA&x-amz-tagging=k%3Dv&x-amz-checksum-crc32=AAAAAA%3D%3D")
	if status, text := do(t, "PUT", put, "hello", nil); status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	_, out := w.get(t, "k")
	if out.Metadata["a"] != "b" || out.StorageClass != types.StorageClassStandardIa || aws.ToInt32(out.TagCount) != 1 {
		t.Errorf("%v, %s, %v", out.Metadata, out.StorageClass, out.TagCount)
	}
	for param, status := range map[string]int{
		"x-amz-server-side-encryption=aws%3Akms": 501, "x-amz-copy-source=bkt%2Fk": 501, "x-amz-acl=public-read": 400, "x-amz-acl=private": 200,
	} {
		if got, text := do(t, "PUT", presignQuery(t, "", w, param), "hello", nil); got != status {
			t.Errorf("%s: %d %s", param, got, text)
		}
	}
}

// A door for all of S3 without signatures takes the headers in the URL, too.
func TestUnsignedPresignedURL(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	open := httptest.NewServer(s3wire.New(w.engine, s3wire.Options{}))
	t.Cleanup(open.Close)
	put := strings.Replace(presignV2("PUT", open.URL, "/bkt/k", "", "x-amz-meta-a:b", w.clock.Now().Add(-time.Minute)), "Signature=", "Signature=x", 1)
	if status, text := do(t, "PUT", put, "hello", nil); status != 200 {
		t.Errorf("%d %s", status, text)
	}
	if _, out := w.get(t, "k"); out.Metadata["a"] != "b" {
		t.Errorf("%v", out.Metadata)
	}
	form := formV2("k2", w.clock.Now().Add(time.Minute))
	form["signature"] = "wrong"
	if status, text, _ := postForm(t, open.URL+"/bkt", form, "hello"); status != 204 {
		t.Errorf("%d %s", status, text)
	}
}
