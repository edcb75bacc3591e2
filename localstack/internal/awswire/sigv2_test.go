package awswire

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/errandhq/errand/internal/clock"
)

// exampleVerifier accepts the access key of the examples in "Signing and
// authenticating REST requests" (S3 User Guide).
func exampleVerifier(now time.Time) *Verifier {
	return NewVerifier([]Credentials{{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}}, clock.NewManual(now))
}

// v2Request is a request whose headers are given as lines.
func v2Request(t *testing.T, method, host, target, headers string) *http.Request {
	t.Helper()
	u, err := url.ParseRequestURI(target)
	if err != nil {
		t.Fatal(err)
	}
	r := &http.Request{Method: method, Host: host, URL: u, Header: http.Header{}}
	for line := range strings.Lines(headers) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		r.Header.Add(name, value)
	}
	return r
}

func v2Header(signature string) string {
	return "\nAuthorization: AWS AKIAIOSFODNN7EXAMPLE:" + signature
}

// The examples of the S3 User Guide.
func TestSignatureV2(t *testing.T) {
	const host = "johnsmith.s3.amazonaws.com"
	for name, tc := range map[string]struct{ method, host, target, headers, signature string }{
		"GET":       {"GET", host, "/photos/puppy.jpg", "Date: Tue, 27 Mar 2007 19:36:42 +0000", "bWq2s1WEIj+Ydj0vQ697zp+IXMU="},
		"path":      {"GET", "127.0.0.1:4566", "/johnsmith/photos/puppy.jpg", "Date: Tue, 27 Mar 2007 19:36:42 +0000", "bWq2s1WEIj+Ydj0vQ697zp+IXMU="},
		"region":    {"GET", "awsexamplebucket1.s3.us-west-1.amazonaws.com", "/photos/puppy.jpg", "Date: Tue, 27 Mar 2007 19:36:42 +0000", "qgk2+6Sv9/oM7G3qLEjTH1a1l1g="},
		"PUT":       {"PUT", host, "/photos/puppy.jpg", "Content-Type: image/jpeg\nDate: Tue, 27 Mar 2007 21:15:45 +0000", "MyyxeRY7whkBe+bq8fHCL/2kKUg="},
		"list":      {"GET", host, "/?prefix=photos&max-keys=50&marker=puppy", "Date: Tue, 27 Mar 2007 19:42:41 +0000", "htDYFYduRNen8P9ZfE/s9SuKy0U="},
		"acl":       {"GET", host, "/?acl", "Date: Tue, 27 Mar 2007 19:44:46 +0000", "c2WLPFtWHVgbEmeEG93a4cG37dM="},
		"buckets":   {"GET", "s3.amazonaws.com", "/", "Date: Wed, 28 Mar 2007 01:29:59 +0000", "qGdzdERIC03wnaRNKh6OqZehG9s="},
		"Unicode":   {"GET", "s3.amazonaws.com", "/dictionary/fran%C3%A7ais/pr%c3%a9f%c3%a8re", "Date: Wed, 28 Mar 2007 01:49:49 +0000", "DNEZGsoieTZ92F3bUfSPQcbGmlM="},
		"presigned": {"GET", host, "/photos/puppy.jpg?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620", "", ""},
		"upload": {"PUT", "s3.amazonaws.com", "/static.johnsmith.net/db-backup.dat.gz", "Date: Tue, 27 Mar 2007 21:06:08 +0000\nx-amz-acl: public-read\ncontent-type: application/x-download\n" +
			"Content-MD5: 4gJE4saaMU4BqNR0kLY+lw==\nX-Amz-Meta-ReviewedBy: joe@johnsmith.net\nX-Amz-Meta-ReviewedBy: jane@johnsmith.net\nX-Amz-Meta-FileChecksum: 0x02661779\n" +
			"X-Amz-Meta-ChecksumAlgorithm: crc32\nContent-Disposition: attachment; filename=database.dat\nContent-Encoding: gzip", "ilyl83RwaSoYIEdixDQcA4OnAnc="},
	} {
		now := time.Date(2007, 3, 27, 19, 40, 0, 0, time.UTC)
		if tc.signature != "" {
			tc.headers += v2Header(tc.signature)
		}
		r := v2Request(t, tc.method, tc.host, tc.target, tc.headers)
		if d, err := time.Parse(time.RFC1123Z, r.Header.Get("Date")); err == nil {
			now = d
		}
		v := exampleVerifier(now)
		id, err := v.Verify(r)
		if err != nil || id.AccessKeyID != "AKIAIOSFODNN7EXAMPLE" || id.Service != "s3" || !id.V2 {
			t.Errorf("%s: %+v, %v", name, id, err)
		}
		r.URL.Path, r.URL.RawPath = r.URL.Path+"x", ""
		_, err = v.Verify(r)
		wantCode(t, err, "SignatureDoesNotMatch", 403)
	}
}

func TestSignatureV2Refused(t *testing.T) {
	const presigned = "/johnsmith/photos/puppy.jpg?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620"
	at := time.Unix(1175139620, 0)
	valid := "Date: " + at.UTC().Format(http.TimeFormat)
	for name, tc := range map[string]struct {
		now             time.Time
		target, headers string
		code            string
		message         string
	}{
		"expired":      {at.Add(time.Second), presigned, "", "AccessDenied", "Request has expired"},
		"header added": {at, presigned, "X-Amz-Meta-A: 1", "SignatureDoesNotMatch", "does not match"},
		"type added":   {at, presigned, "Content-Type: text/plain", "SignatureDoesNotMatch", "does not match"},
		"sub-resource": {at, presigned + "&acl", "", "SignatureDoesNotMatch", "does not match"},
		"override":     {at, presigned + "&response-content-type=text%2Fhtml", "", "SignatureDoesNotMatch", "does not match"},
		"parameter":    {at, presigned + "&x-amz-meta-a=1", "", "SignatureDoesNotMatch", "does not match"},
		"later":        {at, strings.Replace(presigned, "620", "621", 1), "", "SignatureDoesNotMatch", "does not match"},
		"no Expires":   {at, "/b/k?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=x", "", "AccessDenied", "requires the Signature, Expires and AWSAccessKeyId"},
		"no Signature": {at, "/b/k?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Expires=1175139620", "", "AccessDenied", "requires the Signature, Expires and AWSAccessKeyId"},
		"no key":       {at, "/b/k?Signature=x&Expires=1175139620", "", "AccessDenied", "requires the Signature, Expires and AWSAccessKeyId"},
		"a date":       {at, "/b/k?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=x&Expires=tomorrow", "", "AccessDenied", "should be seconds since epoch"},
		"unknown key":  {at, "/b/k?AWSAccessKeyId=AKIB&Signature=x&Expires=1175139620", "", "InvalidAccessKeyId", "does not exist"},
		"both":         {at, presigned, v2Header("x"), "InvalidArgument", "Only one auth mechanism"},
		"no colon":     {at, "/b/k", valid + "\nAuthorization: AWS AKIAIOSFODNN7EXAMPLE", "InvalidArgument", "Expected AwsAccessKeyId:signature"},
		"no date":      {at, "/b/k", v2Header("x"), "AccessDenied", "requires a valid Date"},
		"old":          {at.Add(16 * time.Minute), "/b/k", valid + v2Header("x"), "RequestTimeTooSkewed", "too large"},
		"future":       {at.Add(-16 * time.Minute), "/b/k", valid + v2Header("x"), "RequestTimeTooSkewed", "too large"},
		"wrong":        {at, "/b/k", valid + v2Header("x"), "SignatureDoesNotMatch", "does not match"},
	} {
		_, err := exampleVerifier(tc.now).Verify(v2Request(t, "GET", "s3.amazonaws.com", tc.target, tc.headers))
		var e *Error
		if !errors.As(err, &e) || e.Code != tc.code || !strings.Contains(e.Message, tc.message) {
			t.Errorf("%s: %v, want %s: … %s …", name, err, tc.code, tc.message)
		}
	}
	if _, err := exampleVerifier(at).Verify(v2Request(t, "GET", "s3.amazonaws.com", presigned, "")); err != nil {
		t.Error(err)
	}
}

// x-amz-date takes the place of Date, and parameters that are no sub-resources aren't
// signed.
func TestStringToSignV2(t *testing.T) {
	r := v2Request(t, "GET", "b.localhost:4566", "/a%20b?versions&uploads=&x=1&response-expires=a%2Bb+c&x-amz-meta-q=2&select-type=2&select",
		"Date: Tue, 27 Mar 2007 21:20:27 +0000\nx-amz-date: Tue, 27 Mar 2007 21:20:26 +0000\nx-amz-meta-b:  2 \nx-amz-meta-b-a: 1")
	const headers = "x-amz-date:Tue, 27 Mar 2007 21:20:26 +0000\nx-amz-meta-b:2\nx-amz-meta-b-a:1\n"
	const resource = "/b/a%20b?response-expires=a+b c&select&select-type=2&uploads&versions"
	if got, want := stringToSignV2(r, "", false), "GET\n\n\n\n"+headers+resource; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := stringToSignV2(r, "7", true), "GET\n\n\n7\n"+headers+"x-amz-meta-q:2\n"+resource; got != want {
		t.Errorf("presigned: %q, want %q", got, want)
	}
}

func TestVerifyPolicyV2(t *testing.T) {
	v := exampleVerifier(time.Now())
	f := PolicyForm{Policy: "e30=", AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SignatureV2: "4QWH4O9CWtowYUW+X4P2gZ/6fNc="}
	if id, err := v.VerifyPolicy(f); err != nil || !id.V2 {
		t.Fatalf("%+v, %v", id, err)
	}
	for code, change := range map[string]func(*PolicyForm){
		"SignatureDoesNotMatch": func(f *PolicyForm) { f.Policy = "e31=" },
		"InvalidAccessKeyId":    func(f *PolicyForm) { f.AccessKeyID = "AKIB" },
	} {
		bad := f
		change(&bad)
		_, err := v.VerifyPolicy(bad)
		wantCode(t, err, code, 403)
	}
	for name, change := range map[string]func(*PolicyForm){
		"Policy": func(f *PolicyForm) { f.Policy = "" }, "AWSAccessKeyId": func(f *PolicyForm) { f.AccessKeyID = "" }, "Signature": func(f *PolicyForm) { f.SignatureV2 = "" },
	} {
		bad := f
		change(&bad)
		_, err := v.VerifyPolicy(bad)
		wantCode(t, err, "InvalidArgument", 400)
		if !strings.Contains(err.Error(), "'"+name+"'") {
			t.Error(err)
		}
	}
}
