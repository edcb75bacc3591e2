// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html

package s3wire

import (
	"net/http"
	"strings"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/s3"
)

// Presigned returns a handler for one bucket that may listen where strangers reach it.
// It serves presigned GET, HEAD and PUT of objects at /BUCKET/KEY, uploads by form
// with a signed policy at /BUCKET, and preflight requests for these. It refuses all
// other requests with 403. It must get the path as it was sent, and the Host that
// was signed.
func Presigned(e *s3.Engine, v *awswire.Verifier, bucket string) http.Handler {
	if v == nil {
		panic("s3wire.Presigned: no verifier") // it would let everyone in
	}
	h := New(e, Options{Verifier: v}).(*handler)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := h.newRequest(w, r)
		// Only the path names the bucket here, whatever the host.
		c.bucket, c.key, _ = strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		c.run(func() error { return c.servePresigned(bucket) })
	})
}

func (c *request) servePresigned(bucket string) error {
	if c.bucket != bucket {
		return accessDenied("Access Denied")
	}
	if c.r.Method == http.MethodOptions || c.isPostObject() {
		return c.serve()
	}
	if !c.isPresignedObject() {
		c.setCORSHeadersForOrigin()
		return accessDenied("Access Denied")
	}
	// Only the signature in the query counts, not the identity of a middleware.
	c.r = c.r.WithContext(awswire.WithIdentity(c.r.Context(), awswire.Identity{}))
	return c.serve()
}

// isPresignedObject reports whether the request has the form of a presigned request
// that is allowed. It doesn't check the signature.
func (c *request) isPresignedObject() bool {
	switch c.r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPut:
	default:
		return false
	}
	if c.key == "" || !c.query.Has("X-Amz-Signature") || c.r.Header.Get("Authorization") != "" || c.r.Header.Get("X-Amz-Copy-Source") != "" {
		return false
	}
	for name := range c.query {
		// Other parameters would make it another operation.
		if !strings.HasPrefix(strings.ToLower(name), "x-amz-") && !strings.HasPrefix(name, "response-") && name != "x-id" {
			return false
		}
	}
	return true
}
