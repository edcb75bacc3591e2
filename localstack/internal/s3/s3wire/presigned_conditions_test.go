package s3wire_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// S3 honours conditions in a presigned URL's query, though not checksums.
func TestPresignedConditions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	etag := w.put(t, "k", "x").ETag
	for query, want := range map[string]int{
		"If-None-Match=%2A": 412, "If-Match=other": 412, "If-Match=" + strings.Trim(*etag, `"`): 200,
	} {
		r, err := http.NewRequest("PUT", w.url+"/bkt/k?X-Amz-Expires=60&"+query, nil)
		check(t, err)
		signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
		url, _, err := signer.PresignHTTP(ctx, aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}, r, "UNSIGNED-PAYLOAD", "s3", "us-east-1", time.Now())
		check(t, err)
		r, err = http.NewRequest("PUT", url, strings.NewReader("x"))
		check(t, err)
		resp, err := http.DefaultClient.Do(r)
		check(t, err)
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %d %s", query, resp.StatusCode, body)
		}
	}
}
