package s3wire_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/errandhq/errand/localstack/internal/s3"
	"github.com/errandhq/errand/localstack/internal/s3/s3wire"
)

func hmacSHA256(key []byte, data string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(data))
	return h.Sum(nil)
}

// newPresigned is a world whose server is s3wire.Presigned for "bkt".
func newPresigned(t *testing.T) (*world, *awss3.PresignClient) {
	t.Helper()
	w := newWorld(t, config{})
	check(t, w.engine.CreateBucket("other", "us-east-1"))
	server := httptest.NewServer(s3wire.Presigned(w.engine, w.verifier, "bkt"))
	t.Cleanup(server.Close)
	w.url = server.URL
	unhoisted := func(o *awss3.PresignOptions) {
		o.Presigner = v4.NewSigner(func(so *v4.SignerOptions) {
			so.DisableURIPathEscaping, so.DisableHeaderHoisting = true, true
		})
	}
	return w, awss3.NewPresignClient(client(server.URL, server.Client()), unhoisted)
}

// send does a presigned request, with a body, after a change.
func send(t *testing.T, p *v4.PresignedHTTPRequest, body string, change func(*http.Request)) (status int, text string, h http.Header) {
	t.Helper()
	r, err := http.NewRequest(p.Method, p.URL, strings.NewReader(body))
	check(t, err)
	for k, v := range p.SignedHeader {
		if k != "Host" && k != "Content-Length" {
			r.Header[k] = v
		}
	}
	if change != nil {
		change(r)
	}
	resp, err := http.DefaultClient.Do(r)
	check(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	check(t, err)
	return resp.StatusCode, string(b), resp.Header
}

func TestPresignedPut(t *testing.T) {
	t.Parallel()
	w, p := newPresigned(t)
	sum := helloSums[types.ChecksumAlgorithmSha256]
	put, err := p.PresignPutObject(ctx, &awss3.PutObjectInput{
		Bucket: aws.String("bkt"), Key: aws.String("uploads/a b"), ContentLength: aws.Int64(5), ChecksumSHA256: &sum,
	}, awss3.WithPresignExpires(10*time.Minute))
	check(t, err)
	if put.SignedHeader.Get("X-Amz-Checksum-Sha256") == "" || put.SignedHeader.Get("Content-Length") != "5" {
		t.Fatalf("signed headers %v", put.SignedHeader)
	}
	for name, tc := range map[string]struct {
		body   string
		change func(*http.Request)
		status int
		code   string
	}{
		"wrong bytes": {"HELLO", nil, 400, "BadDigest"},
		"longer":      {"hello!", nil, 403, "SignatureDoesNotMatch"},
		"without sum": {"hello", func(r *http.Request) { r.Header.Del("X-Amz-Checksum-Sha256") }, 403, "SignatureDoesNotMatch"},
		"another sum": {"HELLO", func(r *http.Request) {
			r.Header.Set("X-Amz-Checksum-Sha256", "NzPNl3/46xi5hzVfyBSxI0sEFCmnQOmwmHDjOQ8uY8I=")
		}, 403, "SignatureDoesNotMatch"},
		"metadata added":  {"hello", func(r *http.Request) { r.Header.Set("X-Amz-Meta-A", "1") }, 403, "AccessDenied"},
		"another key":     {"hello", func(r *http.Request) { r.URL.Path = "/bkt/uploads/b" }, 403, "SignatureDoesNotMatch"},
		"another method":  {"hello", func(r *http.Request) { r.Method = "DELETE" }, 403, "AccessDenied"},
		"another request": {"hello", func(r *http.Request) { r.URL.RawQuery += "&tagging" }, 403, "AccessDenied"},
		"another host":    {"hello", func(r *http.Request) { r.Host = "elsewhere" }, 403, "SignatureDoesNotMatch"},
	} {
		status, text, _ := send(t, put, tc.body, tc.change)
		if status != tc.status || !strings.Contains(text, "<Code>"+tc.code+"</Code>") {
			t.Errorf("%s: %d %s, want %d %s", name, status, text, tc.status, tc.code)
		}
		w.absent(t, "uploads/a b")
	}
	if status, text, h := send(t, put, "hello", nil); status != 200 || h.Get("X-Amz-Checksum-Sha256") != sum {
		t.Fatalf("%d %s", status, text)
	}
	if body, _ := w.get(t, "uploads/a b"); body != "hello" {
		t.Errorf("stored %q", body)
	}
	w.clock.Advance(10*time.Minute + 2*time.Second)
	status, text, _ := send(t, put, "hello", nil)
	if status != 403 || !strings.Contains(text, "Request has expired") {
		t.Errorf("expired: %d %s", status, text)
	}
}

// A checksum that the SDK has hoisted into the query doesn't bind, as on AWS.
func TestPresignedPutHoisted(t *testing.T) {
	t.Parallel()
	w, _ := newPresigned(t)
	p := awss3.NewPresignClient(client(w.url, http.DefaultClient))
	put, err := p.PresignPutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("bkt"), Key: aws.String("k")})
	check(t, err)
	put.URL = presignQuery(t, put.URL, w, "X-Amz-Checksum-Sha256="+strings.ReplaceAll(helloSums["SHA256"], "+", "%2B"))
	if status, text, _ := send(t, put, "anything", nil); status != 200 {
		t.Errorf("%d %s", status, text)
	}
}

// presignQuery signs a PUT of /bkt/k anew, with a parameter in its query.
func presignQuery(t *testing.T, _ string, w *world, param string) string {
	t.Helper()
	r, err := http.NewRequest("PUT", w.url+"/bkt/k?X-Amz-Expires=60&"+param, nil)
	check(t, err)
	creds := aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}
	uri, _, err := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }).PresignHTTP(ctx, creds, r, "UNSIGNED-PAYLOAD", "s3", "us-east-1", time.Now())
	check(t, err)
	return uri
}

func TestPresignedGet(t *testing.T) {
	t.Parallel()
	w, p := newPresigned(t)
	w.put(t, "k", "hello")
	get, err := p.PresignGetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("bkt"), Key: aws.String("k"), ResponseContentType: aws.String("text/x-log")})
	check(t, err)
	status, text, h := send(t, get, "", nil)
	if status != 200 || text != "hello" || h.Get("Content-Type") != "text/x-log" {
		t.Errorf("%d %q %v", status, text, h)
	}
	status, text, _ = send(t, get, "", func(r *http.Request) { r.Header.Set("Range", "bytes=1-2") })
	if status != 206 || text != "el" {
		t.Errorf("range: %d %q", status, text)
	}
	head, err := p.PresignHeadObject(ctx, &awss3.HeadObjectInput{Bucket: aws.String("bkt"), Key: aws.String("k")})
	check(t, err)
	if status, _, h := send(t, head, "", nil); status != 200 || h.Get("Content-Length") != "5" {
		t.Errorf("HEAD: %d %v", status, h)
	}
	gone, err := p.PresignGetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("bkt"), Key: aws.String("none")})
	check(t, err)
	if status, text, _ := send(t, gone, "", nil); status != 404 || !strings.Contains(text, "NoSuchKey") {
		t.Errorf("missing: %d %s", status, text)
	}
}

// TestPresignedRefuses: only presigned requests for the bucket are served.
func TestPresignedRefuses(t *testing.T) {
	t.Parallel()
	w, p := newPresigned(t)
	w.put(t, "k", "x")
	c := client(w.url, http.DefaultClient) // signs in headers
	_, err := c.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("bkt"), Key: aws.String("k")})
	wantError(t, err, "AccessDenied")
	_, err = c.ListBuckets(ctx, &awss3.ListBucketsInput{})
	wantError(t, err, "AccessDenied")
	other, err := p.PresignPutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("other"), Key: aws.String("k")})
	check(t, err)
	del, err := p.PresignDeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: aws.String("bkt"), Key: aws.String("k")})
	check(t, err)
	bucket, err := p.PresignHeadBucket(ctx, &awss3.HeadBucketInput{Bucket: aws.String("bkt")})
	check(t, err)
	for name, r := range map[string]*v4.PresignedHTTPRequest{"another bucket": other, "delete": del, "bucket": bucket} {
		if status, text, _ := send(t, r, "", nil); status != 403 {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	for _, path := range []string{"/", "/bkt", "/bkt/k", "/bkt/k?acl", "/bkt?list-type=2"} {
		resp, err := http.Get(w.url + path)
		check(t, err)
		resp.Body.Close()
		if resp.StatusCode != 403 {
			t.Errorf("%s, unsigned: %d", path, resp.StatusCode)
		}
	}
	for _, query := range []string{"uploadId=u", "partNumber=1", "uploadId=u&partNumber=1&acl"} {
		r := &v4.PresignedHTTPRequest{Method: "PUT", URL: presignQuery(t, "", w, query)}
		if status, text, _ := send(t, r, "", nil); status != 403 {
			t.Errorf("PUT ?%s: %d %s", query, status, text)
		}
	}
	if body, _ := w.get(t, "k"); body != "x" {
		t.Errorf("the object is now %q", body)
	}
}

// TestPresignedPart: parts of a multipart upload can be sent by presigned requests; what
// begins and completes the upload can't.
func TestPresignedPart(t *testing.T) {
	t.Parallel()
	w, p := newPresigned(t)
	u := &s3.MultipartUpload{Bucket: "bkt", Key: "k"}
	check(t, w.engine.CreateMultipartUpload(u))
	in := &awss3.UploadPartInput{
		Bucket: aws.String("bkt"), Key: aws.String("k"), UploadId: &u.ID, PartNumber: aws.Int32(1),
		ContentLength: aws.Int64(5), ChecksumSHA256: aws.String(helloSums[types.ChecksumAlgorithmSha256]),
	}
	part, err := p.PresignUploadPart(ctx, in)
	check(t, err)
	if status, text, _ := send(t, part, "HELLO", nil); status != 400 {
		t.Errorf("other bytes: %d %s", status, text)
	}
	status, text, h := send(t, part, "hello", nil)
	if status != 200 || h.Get("Etag") == "" {
		t.Fatalf("%d %s", status, text)
	}
	get := *part
	get.Method = "GET"
	if status, text, _ := send(t, &get, "", nil); status != 403 {
		t.Errorf("list its parts: %d %s", status, text)
	}
	_, err = w.engine.CompleteMultipartUpload(s3.CompleteMultipartUploadInput{
		Bucket: "bkt", Key: "k", UploadID: u.ID, Size: -1, Parts: []s3.CompletedPart{{Number: 1, ETag: h.Get("Etag")}},
	})
	check(t, err)
	if body, _ := w.get(t, "k"); body != "hello" {
		t.Errorf("stored %q", body)
	}
}

// TestPresignedGetIsNoDocument: an object that was stored as a page is an attachment at an
// address that may serve a page of its own, as is everything else there.
func TestPresignedGetIsNoDocument(t *testing.T) {
	t.Parallel()
	_, p := newPresigned(t)
	put, err := p.PresignPutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("bkt"), Key: aws.String("k")})
	check(t, err)
	status, text, _ := send(t, put, "<script>alert(1)</script>", func(r *http.Request) {
		for name, value := range map[string]string{
			"Content-Type": "text/html", "Content-Disposition": "inline", "Content-Encoding": "identity",
			"Content-Language": "en", "Cache-Control": "max-age=1000", "Expires": "Wed, 21 Oct 2126 07:28:00 GMT",
		} {
			r.Header.Set(name, value)
		}
	})
	if status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	get, err := p.PresignGetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("bkt"), Key: aws.String("k")})
	check(t, err)
	missing, err := p.PresignGetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("bkt"), Key: aws.String("none")})
	check(t, err)
	safe := map[string]string{"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}
	status, _, h := send(t, missing, "", nil)
	if status != 404 {
		t.Errorf("missing: %d", status)
	}
	for name, want := range safe {
		if got := h.Get(name); got != want {
			t.Errorf("missing: %s: %q, want %q", name, got, want)
		}
	}
	safe["Content-Type"], safe["Content-Disposition"] = "binary/octet-stream", "attachment"
	for _, name := range []string{"Content-Encoding", "Content-Language", "Cache-Control", "Expires"} {
		safe[name] = ""
	}
	if status, text, h = send(t, get, "", nil); status != 200 || text != "<script>alert(1)</script>" {
		t.Errorf("%d %q", status, text)
	}
	for name, want := range safe {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// postForm sends a form: fields, then the file.
func postForm(t *testing.T, url string, fields map[string]string, file string) (status int, text string, h http.Header) {
	t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for k, v := range fields {
		check(t, m.WriteField(k, v))
	}
	part, err := m.CreateFormFile("file", "name.txt")
	check(t, err)
	_, err = part.Write([]byte(file))
	check(t, err)
	check(t, m.Close())
	resp, err := http.Post(url, m.FormDataContentType(), &b)
	check(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	check(t, err)
	return resp.StatusCode, string(body), resp.Header
}

func TestPostPolicy(t *testing.T) {
	t.Parallel()
	w, p := newPresigned(t)
	post, err := p.PresignPostObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("bkt"), Key: aws.String("logs/1/${filename}")}, func(o *awss3.PresignPostOptions) {
		o.Expires = time.Minute
		o.Conditions = []any{
			[]any{"starts-with", "$key", "logs/1/"},
			[]any{"content-length-range", 2, 10},
			[]any{"starts-with", "$Content-Type", "text/"},
			map[string]string{"success_action_status": "201"},
			[]any{"starts-with", "$x-amz-meta-n", ""},
			[]any{"starts-with", "$x-amz-checksum-crc32", ""},
		}
	})
	check(t, err)
	for name, tc := range map[string]struct {
		change func(map[string]string)
		file   string
		status int
		want   string
	}{
		"too long":         {nil, "01234567890", 400, "EntityTooLarge"},
		"too short":        {nil, "0", 400, "EntityTooSmall"},
		"another prefix":   {func(f map[string]string) { f["key"] = "logs/2/x" }, "hello", 403, "Policy Condition failed"},
		"another type":     {func(f map[string]string) { f["Content-Type"] = "image/png" }, "hello", 403, "Policy Condition failed"},
		"another status":   {func(f map[string]string) { f["success_action_status"] = "200" }, "hello", 403, "Policy Condition failed"},
		"extra field":      {func(f map[string]string) { f["x-amz-meta-other"] = "1" }, "hello", 403, "Extra input fields: x-amz-meta-other"},
		"wrong signature":  {func(f map[string]string) { f["X-Amz-Signature"] = strings.Repeat("0", 64) }, "hello", 403, "SignatureDoesNotMatch"},
		"another policy":   {func(f map[string]string) { f["policy"] = "e30=" }, "hello", 403, "SignatureDoesNotMatch"},
		"no policy":        {func(f map[string]string) { delete(f, "policy") }, "hello", 400, "InvalidArgument"},
		"nothing signed":   {func(f map[string]string) { delete(f, "policy"); delete(f, "X-Amz-Signature") }, "hello", 403, "AccessDenied"},
		"wrong checksum":   {func(f map[string]string) { f["x-amz-checksum-crc32"] = "AAAAAA==" }, "hello", 400, "BadDigest"},
		"another bucket":   {func(f map[string]string) { f["bucket"] = "other" }, "hello", 403, "AccessDenied"},
		"no key":           {func(f map[string]string) { delete(f, "key") }, "hello", 403, "Policy Condition failed"},
		"with an own sum":  {func(f map[string]string) { f["x-amz-checksum-crc32"] = "NhCmhg==" }, "hello", 201, "<Key>logs/1/name.txt</Key>"},
		"with a key named": {func(f map[string]string) { f["key"] = "logs/1/own"; f["x-amz-meta-n"] = "v" }, "hello", 201, "<Key>logs/1/own</Key>"},
	} {
		fields := map[string]string{"Content-Type": "text/plain", "success_action_status": "201", "x-amz-meta-n": "", "x-amz-checksum-crc32": ""}
		maps.Copy(fields, post.Values)
		if tc.change != nil {
			tc.change(fields)
		}
		if status, text, _ := postForm(t, post.URL, fields, tc.file); status != tc.status || !strings.Contains(text, tc.want) {
			t.Errorf("%s: %d %s, want %d %s", name, status, text, tc.status, tc.want)
		}
	}
	if body, out := w.get(t, "logs/1/own"); body != "hello" || *out.ContentType != "text/plain" || out.Metadata["n"] != "v" {
		t.Errorf("stored %q, %+v", body, out.Metadata)
	}
	list, err := w.engine.ListObjects("bkt", s3.ListObjectsInput{MaxKeys: 10})
	check(t, err)
	if len(list.Objects) != 2 {
		t.Errorf("refused uploads were stored: %+v", list.Objects)
	}
	w.clock.Advance(2 * time.Minute)
	if status, text, _ := postForm(t, post.URL, post.Values, "hello"); status != 403 || !strings.Contains(text, "Policy expired") {
		t.Errorf("expired: %d %s", status, text)
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	w, p := newPresigned(t)
	ask := func(origin, method, headers string) (int, http.Header) {
		r, err := http.NewRequest("OPTIONS", w.url+"/bkt/k", nil)
		check(t, err)
		r.Header.Set("Origin", origin)
		r.Header.Set("Access-Control-Request-Method", method)
		r.Header.Set("Access-Control-Request-Headers", headers)
		resp, err := http.DefaultClient.Do(r)
		check(t, err)
		resp.Body.Close()
		return resp.StatusCode, resp.Header
	}
	if status, _ := ask("https://app.example.com", "PUT", ""); status != 403 {
		t.Errorf("without rules: %d", status)
	}
	_, err := w.GetBucketCors(ctx, &awss3.GetBucketCorsInput{Bucket: aws.String("bkt")})
	wantError(t, err, "NoSuchCORSConfiguration")
	rule := types.CORSRule{
		AllowedOrigins: []string{"https://*.example.com"}, AllowedMethods: []string{"PUT", "GET", "POST"},
		AllowedHeaders: []string{"Content-*", "x-amz-checksum-sha256"}, ExposeHeaders: []string{"ETag"}, MaxAgeSeconds: aws.Int32(60),
	}
	_, err = w.PutBucketCors(ctx, &awss3.PutBucketCorsInput{Bucket: aws.String("bkt"), CORSConfiguration: &types.CORSConfiguration{CORSRules: []types.CORSRule{rule}}})
	check(t, err)
	got, err := w.GetBucketCors(ctx, &awss3.GetBucketCorsInput{Bucket: aws.String("bkt")})
	check(t, err)
	if len(got.CORSRules) != 1 || got.CORSRules[0].AllowedOrigins[0] != rule.AllowedOrigins[0] || *got.CORSRules[0].MaxAgeSeconds != 60 {
		t.Errorf("rules %+v", got.CORSRules)
	}
	status, h := ask("https://app.example.com", "PUT", "content-type, X-Amz-Checksum-Sha256")
	if status != 200 || h.Get("Access-Control-Allow-Origin") != "https://app.example.com" || h.Get("Access-Control-Allow-Headers") != "content-type, x-amz-checksum-sha256" {
		t.Errorf("%d %v", status, h)
	}
	for _, bad := range [][3]string{
		{"https://example.org", "PUT", ""}, {"https://app.example.com", "DELETE", ""}, {"https://app.example.com", "PUT", "x-other"},
	} {
		if status, _ := ask(bad[0], bad[1], bad[2]); status != 403 {
			t.Errorf("%v: %d", bad, status)
		}
	}
	w.put(t, "k", "x")
	get, err := p.PresignGetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("bkt"), Key: aws.String("k")})
	check(t, err)
	_, _, h = send(t, get, "", func(r *http.Request) { r.Header.Set("Origin", "https://app.example.com") })
	if h.Get("Access-Control-Allow-Origin") != "https://app.example.com" || h.Get("Access-Control-Expose-Headers") != "ETag" {
		t.Errorf("headers of the answer: %v", h)
	}
	_, err = w.DeleteBucketCors(ctx, &awss3.DeleteBucketCorsInput{Bucket: aws.String("bkt")})
	check(t, err)
	if status, _ := ask("https://app.example.com", "PUT", ""); status != 403 {
		t.Errorf("after deleting the rules: %d", status)
	}
}

// A signature for another service opens nothing here, though the key is right.
func TestOtherServicesSignature(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	w.put(t, "k", "x")
	r, err := http.NewRequest("GET", w.url+"/bkt/k", nil)
	check(t, err)
	empty := sha256.Sum256(nil)
	creds := aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}
	check(t, v4.NewSigner().SignHTTP(ctx, creds, r, hex.EncodeToString(empty[:]), "sqs", "us-east-1", time.Now()))
	resp, err := http.DefaultClient.Do(r)
	check(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	check(t, err)
	if resp.StatusCode != 400 || !strings.Contains(string(body), "AuthorizationHeaderMalformed") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}
