// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html

package s3wire

import (
	"net/http"
	"strings"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/s3"
)

// Presigned returns a door to one bucket: it answers presigned GET, HEAD and
// PUT of its objects at /BUCKET/KEY, uploads by form with a signed policy at
// /BUCKET, and browsers' preflights of these. All else is refused with 403,
// signed or not, so that it can stand on an address that strangers reach.
// It must see the path as it was sent, and the Host that was signed.
func Presigned(e *s3.Engine, v *awswire.Verifier, bucket string) http.Handler {
	if v == nil {
		panic("s3wire.Presigned: no verifier") // it would let everyone in
	}
	h := New(e, Options{Verifier: v}).(*handler)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := h.newRequest(w, r)
		// Here only the path names the bucket, whatever the host.
		c.bucket, c.key, _ = strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		c.run(func() error { return c.servePresigned(bucket) })
	})
}

func (c *request) servePresigned(bucket string) error {
	switch {
	case c.bucket != bucket:
		return accessDenied("Access Denied")
	case c.r.Method == http.MethodOptions:
		return c.preflight()
	case c.isPostObject():
		c.setCORSHeadersForOrigin()
		return c.postObject()
	}
	c.setCORSHeadersForOrigin()
	if !c.isPresignedObject() {
		return accessDenied("Access Denied")
	}
	// Whatever a middleware has put there: here the query's signature counts.
	c.r = c.r.WithContext(awswire.WithIdentity(c.r.Context(), awswire.Identity{}))
	if err := c.authenticate(); err != nil {
		return err
	}
	op, err := c.route()
	if err != nil {
		return err
	}
	return op(c)
}

// isPresignedObject reports whether the request has the form of those that the
// door lets through; whether its signature holds is yet to be seen.
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
