package blob

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// TestSignsForTheCallersAddress: a name on the list, at whatever port it was
// reached, and no other; and what is kept for that doesn't grow for ever.
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
			r, err := b.SignGet(t.Context(), origin, "key")
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
