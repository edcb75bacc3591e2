package awswire

import (
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/errandhq/errand/internal/clock"
)

// FuzzSignature checks that nothing but the right signature is accepted, and
// that all else is refused as the caller's fault.
func FuzzSignature(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=abc", "20260101T000000Z", "", "/b/k")
	f.Add("AWS4-HMAC-SHA256 Credential=A/B/C/20260101/us-east-1/sqs/aws4_request,SignedHeaders=,Signature=", "Thu, 01 Jan 2026 00:00:00 GMT", "Action=ListQueues", "/")
	f.Add("AWS AKIDEXAMPLE:x", "", "", "")
	f.Add("", "", "AWSAccessKeyId=AKIDEXAMPLE&Expires=1893456000&Signature=%zz&acl&x-amz-meta-a=%ff", "/b/k")
	f.Add("", "", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20260101%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20260101T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00", "/b/%00?")
	f.Add("", "", "X-Amz-Signature=%zz&X-Amz-Expires=-1&X-Amz-Algorithm", "//")
	f.Fuzz(func(t *testing.T, auth, date, query, path string) {
		v := NewVerifier([]Credentials{{"AKIDEXAMPLE", "secret"}}, clock.NewManual(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)))
		r := &http.Request{Method: "GET", Host: "localhost", URL: &url.URL{Path: path, RawQuery: query}, Header: http.Header{}}
		for name, value := range map[string]string{"Authorization": auth, "X-Amz-Date": date, "X-Amz-Content-Sha256": UnsignedPayload} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		_, err := v.Verify(r)
		var e *Error
		if !errors.As(err, &e) || e.Status < 400 || e.Status > 499 {
			t.Errorf("accepted, or failed with %v", err)
		}
		_, err = v.VerifyPolicy(PolicyForm{Policy: query, Algorithm: "AWS4-HMAC-SHA256", Credential: auth, Date: date, Signature: path})
		if !errors.As(err, &e) || e.Status < 400 || e.Status > 499 {
			t.Errorf("policy accepted, or failed with %v", err)
		}
		_, err = v.VerifyPolicy(PolicyForm{Policy: query, AccessKeyID: "AKIDEXAMPLE", SignatureV2: auth})
		if !errors.As(err, &e) || e.Status < 400 || e.Status > 499 {
			t.Errorf("policy of Version 2 accepted, or failed with %v", err)
		}
	})
}
