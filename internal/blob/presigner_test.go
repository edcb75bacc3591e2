package blob

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// TestSignsForTheCallersAddress: a URL is signed for the caller's address if its
// name is allowed, at any port, and for the default otherwise. The cache of
// presigners is bounded.
func TestSignsForTheCallersAddress(t *testing.T) {
	b := New(Config{
		AWS: aws.Config{
			Region: "us-east-1", BaseEndpoint: aws.String("https://s3.example"),
			Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		},
		Bucket: "bucket", SignHosts: []string{"errand.example"},
	})
	for port := range 3 * maxPresigners {
		host := fmt.Sprintf("errand.example:%d", port+1)
		for origin, want := range map[string]string{"http://" + host: host, "http://evil.example": "s3.example", ":": "s3.example"} {
			r, err := b.SignGet(t.Context(), origin, "key", "")
			if err != nil {
				t.Fatal(err)
			}
			if u, err := url.Parse(r.URL); err != nil || u.Host != want {
				t.Fatalf("for %s: %s (%v), want host %s", origin, r.URL, err, want)
			}
		}
	}
	if n := len(b.presigners); n > maxPresigners {
		t.Errorf("%d presigners are kept", n)
	}
}
