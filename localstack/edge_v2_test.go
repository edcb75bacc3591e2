package localstack

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

func signV2(text string) string {
	h := hmac.New(sha1.New, []byte("test"))
	h.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// TestSignatureV2: the edge takes Signature Version 2 for S3: presigned by the
// stack's clock, in headers by the machine's.
func TestSignatureV2(t *testing.T) {
	clk := NewManualClock(time.Now().Add(15 * 24 * time.Hour))
	s := start(t, Config{Clock: clk, Credentials: Credentials{AccessKeyID: "test", SecretAccessKey: "test"}})
	if err := s.services.s3.CreateBucket("bucket", "us-east-1"); err != nil {
		t.Fatal(err)
	}
	presigned := func(method, contentType string, after time.Duration) string {
		end := strconv.FormatInt(clk.Now().Add(after).Unix(), 10)
		q := url.Values{"AWSAccessKeyId": {"test"}, "Expires": {end}, "Signature": {signV2(method + "\n\n" + contentType + "\n" + end + "\n/bucket/k")}}
		return "/bucket/k?" + q.Encode()
	}
	send := func(method, target, contentType string) (int, string) {
		r := httptest.NewRequest(method, target, strings.NewReader("hello"))
		if contentType != "" {
			r.Header.Set("Content-Type", contentType)
		}
		return get(t, s.Edge(), r)
	}
	const urlencoded = "application/x-www-form-urlencoded" // what Python's urllib and curl -d send
	for _, tt := range []struct {
		name, method, target, contentType string
		status                            int
		want                              string
	}{
		{"put", "PUT", presigned("PUT", "", time.Minute), "", 200, ""},
		{"get", "GET", presigned("GET", "", time.Minute), "", 200, "hello"},
		{"a type", "PUT", presigned("PUT", urlencoded, time.Minute), urlencoded, 200, ""},
		{"another type", "PUT", presigned("PUT", "", time.Minute), urlencoded, 403, "<Code>SignatureDoesNotMatch</Code>"},
		{"expired", "GET", presigned("GET", "", -time.Second), "", 403, "<Message>Request has expired</Message>"},
		{"incomplete", "GET", "/bucket/k?AWSAccessKeyId=test", "", 403, "requires the Signature, Expires and AWSAccessKeyId"},
		{"another service", "GET", "/?Action=ListQueues&AWSAccessKeyId=test&SignatureVersion=2&Signature=x", "", 403, "<Code>MissingAuthenticationToken</Code>"},
	} {
		if status, body := send(tt.method, tt.target, tt.contentType); status != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("%s: %d %s, want %d %s", tt.name, status, body, tt.status, tt.want)
		}
	}
	r := httptest.NewRequest("GET", "/bucket/k", nil)
	date := time.Now().UTC().Format(http.TimeFormat)
	r.Header.Set("Date", date)
	r.Header.Set("Authorization", "AWS test:"+signV2("GET\n\n\n"+date+"\n/bucket/k"))
	if status, body := get(t, s.Edge(), r); status != 200 || body != "hello" {
		t.Errorf("header: %d %s", status, body)
	}
}
