package awswire

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/errandhq/errand/internal/clock"
	"pgregory.net/rapid"
)

var (
	testCreds = Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
	signedAt  = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
)

// testVerifier's clock stands at *now, by default when requests are signed.
func testVerifier(now *time.Time) *Verifier {
	return NewVerifier([]Credentials{testCreds}, clock.NewManual(*now))
}

// Verify verifies a request of S3.
func (v *Verifier) Verify(r *http.Request) (Identity, error) { return v.VerifyPayload(r, "") }

// VerifyPayload verifies a request whose body has the given hash.
func (v *Verifier) VerifyPayload(r *http.Request, sha256Hex string) (Identity, error) {
	sig, err := v.verify(r, dialectOf(r), sha256Hex)
	if err != nil {
		return Identity{}, err
	}
	return sig.identity(), nil
}

func awsCreds() aws.Credentials {
	return aws.Credentials{AccessKeyID: testCreds.AccessKeyID, SecretAccessKey: testCreds.SecretAccessKey}
}

// sign signs r as the SDK does for service.
func sign(t rapid.TB, r *http.Request, service, hash string) {
	t.Helper()
	if service == "s3" {
		r.Header.Set("X-Amz-Content-Sha256", hash)
	}
	err := v4.NewSigner().SignHTTP(context.Background(), awsCreds(), r, hash, service, "eu-west-1", signedAt,
		func(o *v4.SignerOptions) { o.DisableURIPathEscaping = service == "s3" })
	if err != nil {
		t.Fatal(err)
	}
}

// received is the request as a server sees it: parsed anew from its text.
func received(t rapid.TB, r *http.Request) *http.Request {
	t.Helper()
	u, err := url.ParseRequestURI(r.URL.RequestURI())
	if err != nil {
		t.Fatal(err)
	}
	out := r.Clone(context.Background())
	out.URL = u
	if out.Host == "" {
		out.Host = r.URL.Host
	}
	return out
}

func request(t rapid.TB, method, target, body string) *http.Request {
	t.Helper()
	var rd io.Reader
	if body != "" {
		rd = strings.NewReader(body)
	}
	r, err := http.NewRequest(method, target, rd)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func presign(t rapid.TB, r *http.Request, service string, expires time.Duration, opts ...func(*v4.SignerOptions)) *http.Request {
	t.Helper()
	q := r.URL.Query()
	q.Set("X-Amz-Expires", strconv.Itoa(int(expires/time.Second)))
	r.URL.RawQuery = q.Encode()
	opts = append(opts, func(o *v4.SignerOptions) { o.DisableURIPathEscaping = service == "s3" })
	uri, headers, err := v4.NewSigner().PresignHTTP(context.Background(), awsCreds(), r, UnsignedPayload, service, "eu-west-1", signedAt, opts...)
	if err != nil {
		t.Fatal(err)
	}
	out := request(t, r.Method, uri, "")
	for k, v := range headers {
		if k == "Content-Length" {
			out.ContentLength, _ = strconv.ParseInt(v[0], 10, 64)
		} else if k != "Host" {
			out.Header[k] = v
		}
	}
	return received(t, out)
}

func wantCode(t rapid.TB, err error, code string, status int) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v, want %s", err, code)
	}
	if e.Code != code || e.Status != status {
		t.Fatalf("error %d %s (%s), want %d %s", e.Status, e.Code, e.Message, status, code)
	}
	return e
}

// What the SDK's signer signs verifies, whatever stands in path, query and
// headers; and any change to it doesn't.
func TestVerifySDKSignatures(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := signedAt
		v := testVerifier(&now)
		service := rapid.SampledFrom([]string{"s3", "sqs", "lambda"}).Draw(t, "service")
		u := url.URL{Scheme: "http", Host: "127.0.0.1:4566", Path: "/" + rapid.StringN(0, 20, -1).Draw(t, "path")}
		u.RawPath = string(appendEncoded(nil, u.Path, true)) // what SDKs send
		q := url.Values{}
		for _, k := range rapid.SliceOfN(rapid.StringN(1, 8, -1), 0, 4).Draw(t, "params") {
			q.Add("p"+k, rapid.StringN(0, 8, -1).Draw(t, "value"))
		}
		u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20")
		r := request(t, "PUT", u.String(), "hello")
		r.Header.Set("Content-Type", "text/plain")
		r.Header.Set("X-Amz-Meta-A", rapid.StringMatching(`[a-z]{1,3}( {1,3}[a-z]){0,3}`).Draw(t, "header"))
		sign(t, r, service, sha256Hex("hello"))

		got, err := v.VerifyPayload(received(t, r), sha256Hex("hello"))
		if err != nil {
			t.Fatal(err)
		}
		if want := (Identity{AccessKeyID: testCreds.AccessKeyID, Region: "eu-west-1", Service: service}); got != want {
			t.Fatalf("identity %+v, want %+v", got, want)
		}
		for name, change := range map[string]func(*http.Request){
			"path":     func(r *http.Request) { r.URL.Path, r.URL.RawPath = r.URL.Path+"x", r.URL.RawPath+"x" },
			"query":    func(r *http.Request) { r.URL.RawQuery = "extra=1&" + r.URL.RawQuery },
			"method":   func(r *http.Request) { r.Method = "POST" },
			"host":     func(r *http.Request) { r.Host = "127.0.0.1:4567" },
			"header":   func(r *http.Request) { r.Header.Set("X-Amz-Meta-A", "other") },
			"dropped":  func(r *http.Request) { r.Header.Del("Content-Type") },
			"length":   func(r *http.Request) { r.ContentLength++ },
			"time":     func(r *http.Request) { r.Header.Set("X-Amz-Date", "20260304T050608Z") },
			"scope":    func(r *http.Request) { replaceAuth(r, "eu-west-1", "eu-west-2") },
			"unsigned": func(r *http.Request) { replaceAuth(r, "content-type;", "") },
		} {
			bad := received(t, r)
			change(bad)
			if _, err := v.VerifyPayload(bad, sha256Hex("hello")); err == nil {
				t.Fatalf("a changed %s verifies", name)
			}
		}
		bad := received(t, r)
		bad.Header.Set("X-Amz-Content-Sha256", sha256Hex("other"))
		if _, err := v.VerifyPayload(bad, sha256Hex("other")); err == nil {
			t.Fatal("another body verifies")
		}
	})
}

func replaceAuth(r *http.Request, old, new string) {
	r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, new, 1))
}

func TestVerifyHeaderErrors(t *testing.T) {
	type want struct {
		code   string
		status int
	}
	for _, tc := range []struct {
		name             string
		change           func(*http.Request, *time.Time)
		s3, json, dynamo want
	}{
		{"none", func(r *http.Request, _ *time.Time) { r.Header.Del("Authorization") },
			want{"AccessDenied", 403}, want{"MissingAuthenticationTokenException", 403}, want{"MissingAuthenticationTokenException", 400}},
		{"both", func(r *http.Request, _ *time.Time) { r.URL.RawQuery = "X-Amz-Algorithm=AWS4-HMAC-SHA256" },
			want{"InvalidArgument", 400}, want{"InvalidSignatureException", 403}, want{"InvalidSignatureException", 400}},
		{"no credential", func(r *http.Request, _ *time.Time) { replaceAuth(r, "Credential=", "Cred=") },
			want{"AuthorizationHeaderMalformed", 400}, want{"IncompleteSignatureException", 403}, want{"IncompleteSignatureException", 400}},
		{"unknown key", func(r *http.Request, _ *time.Time) { replaceAuth(r, "AKIDEXAMPLE", "AKIDOTHER") },
			want{"InvalidAccessKeyId", 403}, want{"UnrecognizedClientException", 403}, want{"UnrecognizedClientException", 400}},
		{"wrong signature", func(r *http.Request, _ *time.Time) { replaceAuth(r, "Signature=", "Signature=0") },
			want{"SignatureDoesNotMatch", 403}, want{"InvalidSignatureException", 403}, want{"InvalidSignatureException", 400}},
		{"host not signed", func(r *http.Request, _ *time.Time) { replaceAuth(r, "host;", "") },
			want{"AccessDenied", 403}, want{"InvalidSignatureException", 403}, want{"InvalidSignatureException", 400}},
		{"late", func(_ *http.Request, now *time.Time) { *now = now.Add(15*time.Minute + time.Second) },
			want{"RequestTimeTooSkewed", 403}, want{"InvalidSignatureException", 403}, want{"InvalidSignatureException", 400}},
		{"early", func(_ *http.Request, now *time.Time) { *now = now.Add(-15*time.Minute - time.Second) },
			want{"RequestTimeTooSkewed", 403}, want{"InvalidSignatureException", 403}, want{"InvalidSignatureException", 400}},
		{"other service", func(r *http.Request, _ *time.Time) { r.Header.Set("X-Amz-Target", "DynamoDB_20120810.PutItem") },
			want{"AccessDenied", 403}, want{"InvalidSignatureException", 400}, want{"", 0}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, s := range []struct {
				service, target string
				want            want
			}{
				{"s3", "", tc.s3}, {"sqs", "AmazonSQS.SendMessage", tc.json}, {"dynamodb", "DynamoDB_20120810.GetItem", tc.dynamo},
			} {
				now := signedAt
				r := request(t, "POST", "http://localhost:4566/", "{}")
				if s.target != "" {
					r.Header.Set("X-Amz-Target", s.target)
				}
				sign(t, r, s.service, sha256Hex("{}"))
				r = received(t, r)
				tc.change(r, &now)
				_, err := testVerifier(&now).VerifyPayload(r, sha256Hex("{}"))
				if s.want.code == "" || tc.name == "other service" && s.service == "sqs" {
					continue
				}
				wantCode(t, err, s.want.code, s.want.status)
			}
		})
	}
}

// A holder of a presigned object URL can't call another service with it.
func TestPresignedS3IsNoOtherService(t *testing.T) {
	now := signedAt
	r := presign(t, request(t, "POST", "http://localhost:4566/", ""), "s3", time.Hour)
	r.Header.Set("X-Amz-Target", "DynamoDB_20120810.DeleteTable")
	_, err := testVerifier(&now).VerifyPayload(r, sha256Hex("{}"))
	wantCode(t, err, "AccessDenied", 403)
}

func TestVerifyPresigned(t *testing.T) {
	at := func(d time.Duration) *Verifier { now := signedAt.Add(d); return testVerifier(&now) }
	get := func() *http.Request {
		return presign(t, request(t, "GET", "http://localhost:4566/bucket/a%20b/%C3%BC", ""), "s3", time.Hour)
	}
	for _, d := range []time.Duration{-15 * time.Minute, 0, time.Hour} {
		id, err := at(d).Verify(get())
		if err != nil || !id.Presigned || id.Service != "s3" {
			t.Fatalf("at %v: %+v, %v", d, id, err)
		}
	}
	_, err := at(time.Hour + time.Second).Verify(get())
	e := wantCode(t, err, "AccessDenied", 403)
	if e.Message != "Request has expired" {
		t.Errorf("message %q", e.Message)
	}
	_, err = at(-16 * time.Minute).Verify(get())
	wantCode(t, err, "AccessDenied", 403)

	r := presign(t, request(t, "GET", "http://localhost:4566/bucket/k", ""), "s3", 8*24*time.Hour)
	_, err = at(0).Verify(r)
	wantCode(t, err, "AuthorizationQueryParametersError", 400)

	r = get()
	r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "X-Amz-Expires=3600", "X-Amz-Expires=3601", 1)
	_, err = at(0).Verify(r)
	wantCode(t, err, "SignatureDoesNotMatch", 403)

	r = get()
	r.Header.Set("X-Amz-Meta-Added", "1")
	_, err = at(0).Verify(r)
	e = wantCode(t, err, "AccessDenied", 403)
	if e.Fields["HeadersNotSigned"] != "x-amz-meta-added" {
		t.Errorf("fields %v", e.Fields)
	}
}

// Length and checksum signed as headers are held to.
func TestVerifyPresignedSignedHeaders(t *testing.T) {
	now := signedAt
	v := testVerifier(&now)
	put := func() *http.Request {
		r := request(t, "PUT", "http://localhost:4566/bucket/k", "")
		r.ContentLength = 5
		r.Header.Set("X-Amz-Checksum-Sha256", "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=")
		return presign(t, r, "s3", time.Hour, func(o *v4.SignerOptions) { o.DisableHeaderHoisting = true })
	}
	if _, err := v.Verify(put()); err != nil {
		t.Fatal(err)
	}
	r := put()
	r.ContentLength = 6
	_, err := v.Verify(r)
	wantCode(t, err, "SignatureDoesNotMatch", 403)
	r = put()
	r.Header.Del("X-Amz-Checksum-Sha256")
	_, err = v.Verify(r)
	wantCode(t, err, "SignatureDoesNotMatch", 403)
	r = put()
	r.Header.Set("X-Amz-Checksum-Sha256", "AAAA")
	_, err = v.Verify(r)
	wantCode(t, err, "SignatureDoesNotMatch", 403)
}

func TestMiddleware(t *testing.T) {
	now := signedAt
	var body string
	var id Identity
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		body, id = string(b), IdentityFrom(r.Context())
	})
	h := testVerifier(&now).Middleware(next, func(w http.ResponseWriter, _ *http.Request, e *Error) {
		http.Error(w, e.Code, e.Status)
	})
	do := func(change func(*http.Request)) *httptest.ResponseRecorder {
		r := request(t, "POST", "http://localhost:4566/", `{"a":1}`)
		r.Header.Set("X-Amz-Target", "AmazonSQS.SendMessage")
		sign(t, r, "sqs", sha256Hex(`{"a":1}`))
		r = received(t, r)
		change(r)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	if w := do(func(*http.Request) {}); w.Code != 200 || body != `{"a":1}` || id.Service != "sqs" || id.Region != "eu-west-1" {
		t.Fatalf("%d %s; next got %q of %+v", w.Code, w.Body, body, id)
	}
	body = ""
	w := do(func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(`{"a":2}`)) })
	if w.Code != 403 || strings.TrimSpace(w.Body.String()) != "InvalidSignatureException" || body != "" {
		t.Fatalf("another body: %d %s; next got %q", w.Code, w.Body, body)
	}
	w = do(func(r *http.Request) { r.Body = io.NopCloser(io.LimitReader(zeros{}, MaxBufferedBody+1)) })
	if w.Code != 413 {
		t.Fatalf("a body too large: %d %s", w.Code, w.Body)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// The example of "Browser-based uploads using POST" in the S3 API Reference.
func TestVerifyPolicy(t *testing.T) {
	v := NewVerifier([]Credentials{{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}}, clock.Real())
	f := PolicyForm{
		Policy:     "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl0aW9ucyI6IFsNCiAgICB7ImJ1Y2tldCI6ICJzaWd2NGV4YW1wbGVidWNrZXQifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci91c2VyMS8iXSwNCiAgICB7ImFjbCI6ICJwdWJsaWMtcmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rpb25fcmVkaXJlY3QiOiAiaHR0cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF6b25hd3MuY29tL3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRDb250ZW50LVR5cGUiLCAiaW1hZ2UvIl0sDQogICAgeyJ4LWFtei1tZXRhLXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwNCiAgICB7IngtYW16LXNlcnZlci1zaWRlLWVuY3J5cHRpb24iOiAiQUVTMjU2In0sDQogICAgWyJzdGFydHMtd2l0aCIsICIkeC1hbXotbWV0YS10YWciLCAiIl0sDQoNCiAgICB7IngtYW16LWNyZWRlbnRpYWwiOiAiQUtJQUlPU0ZPRE5ON0VYQU1QTEUvMjAxNTEyMjkvdXMtZWFzdC0xL3MzL2F3czRfcmVxdWVzdCJ9LA0KICAgIHsieC1hbXotYWxnb3JpdGhtIjogIkFXUzQtSE1BQy1TSEEyNTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAiMjAxNTEyMjlUMDAwMDAwWiIgfQ0KICBdDQp9",
		Algorithm:  "AWS4-HMAC-SHA256",
		Credential: "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request",
		Date:       "20151229T000000Z",
		Signature:  "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e",
	}
	if id, err := v.VerifyPolicy(f); err != nil || id.Region != "us-east-1" {
		t.Fatalf("%+v, %v", id, err)
	}
	bad := f
	bad.Policy = "e30="
	_, err := v.VerifyPolicy(bad)
	wantCode(t, err, "SignatureDoesNotMatch", 403)
	bad = f
	bad.Credential = strings.Replace(bad.Credential, "AKIA", "AKIB", 1)
	_, err = v.VerifyPolicy(bad)
	wantCode(t, err, "InvalidAccessKeyId", 403)
	bad = f
	bad.Signature = ""
	_, err = v.VerifyPolicy(bad)
	wantCode(t, err, "InvalidArgument", 400)
	_, err = v.VerifyPolicy(PolicyForm{})
	wantCode(t, err, "AccessDenied", 403)
}

// exampleSigner is the signer of the examples in the S3 API Reference,
// "Signature calculations for the Authorization header: transferring payload in
// multiple chunks", for a request of the signature seed.
func exampleSigner(seed string) *ChunkSigner {
	sig := &signature{accessKeyID: "k", day: "20130524", region: "us-east-1", service: "s3"}
	key, _ := new(keyCache).get("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", sig)
	return &ChunkSigner{key: key, date: "20130524T000000Z", scope: sig.scope(), prev: seed}
}

func TestChunkSigner(t *testing.T) {
	chunks := []string{strings.Repeat("a", 65536), strings.Repeat("a", 1024), ""}
	s := exampleSigner("4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9")
	for i, signature := range []string{
		"ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
		"0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
		"b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
	} {
		if !s.Chunk(sha256Hex(chunks[i]), signature) {
			t.Fatalf("chunk %d: signature refused", i)
		}
	}
	if s.Chunk(emptySHA256, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9") {
		t.Fatal("a chunk's signature holds twice")
	}

	s = exampleSigner("106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e")
	for i, signature := range []string{
		"b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
		"1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
		"2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
	} {
		if !s.Chunk(sha256Hex(chunks[i]), signature) {
			t.Fatalf("chunk %d before a trailer: signature refused", i)
		}
	}
	const trailer = "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"
	if !s.Trailer("x-amz-checksum-crc32c:sOO8/Q==\n", trailer) {
		t.Fatal("trailer: signature refused")
	}
	if s.Trailer("x-amz-checksum-crc32c:sOO8/Q==\n", trailer) {
		t.Fatal("a trailer's signature holds twice")
	}
}
