package blob

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/errandhq/errand/internal/clock"
)

// TestSignedFor: a request is signed for the name that the caller used, if that
// is allowed; else for the address that clients are told; else for our own.
func TestSignedFor(t *testing.T) {
	cfg := aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String("http://stack:4566"),
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		// As config.LoadDefaultConfig has it, in the functions.
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
	}
	onAWS := cfg
	onAWS.BaseEndpoint = nil
	for _, tc := range []struct {
		name   string
		c      Config
		origin string
		want   string
	}{
		{"an allowed origin", Config{AWS: cfg, SignHosts: []string{"errand.test"}, ObjectURL: "https://s3.test"}, "http://errand.test:8080", "http://errand.test:8080/bkt/"},
		{"another", Config{AWS: cfg, SignHosts: []string{"errand.test"}, ObjectURL: "https://s3.test"}, "http://evil.test", "https://s3.test/bkt/"},
		{"no address for clients", Config{AWS: cfg}, "http://errand.test", "http://stack:4566/bkt/"},
		{"AWS", Config{AWS: onAWS}, "http://errand.test", "https://bkt.s3.us-east-1.amazonaws.com/"},
		{"AWS, and an endpoint in a VPC", Config{AWS: onAWS, ObjectURL: "https://bucket.vpce-1.s3.us-east-1.vpce.amazonaws.com"}, "http://errand.test", "https://bucket.vpce-1.s3.us-east-1.vpce.amazonaws.com/bkt/"},
	} {
		tc.c.Bucket = "bkt"
		tc.c.Clock = clock.NewManual(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC))
		b := New(tc.c)
		get, err := b.SignGet(t.Context(), tc.origin, "uploads/x", "")
		if err != nil {
			t.Fatal(err)
		}
		post, err := b.SignPost(t.Context(), tc.origin, "logs/", 10)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(get.URL, tc.want+"uploads/x?") {
			t.Errorf("%s: a GET is signed for %s, want %s", tc.name, get.URL, tc.want)
		}
		if len(get.Header) > 0 {
			t.Errorf("%s: a GET needs the headers %v; docs/api.md has the URL alone", tc.name, get.Header)
		}
		if strings.TrimSuffix(post.URL, "/") != strings.TrimSuffix(tc.want, "/") {
			t.Errorf("%s: a POST is signed for %s, want %s", tc.name, post.URL, tc.want)
		}
	}
}
