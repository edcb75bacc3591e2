// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html

package s3wire

import (
	"net/http"
	"strings"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/s3"
)

// Presigned returns a handler for one bucket that may listen where strangers reach it.
// It serves presigned GET, HEAD and PUT of objects, and PUT of the parts of multipart
// uploads, at /BUCKET/KEY; uploads by form with a signed policy at /BUCKET; and preflight
// requests for these. It refuses all other requests with 403, and Signature Version 2,
// which signs neither host nor length nor checksum, with 400. It must get the path as it
// was sent, and the Host that was signed.
//
// A page may be served at the same origin, and whoever may upload an object must not
// become a part of it. So no browser shows an object there: it is an attachment of type
// binary/octet-stream, unless the signed URL says otherwise, whatever headers it was
// stored with, and never a document that may run scripts.
func Presigned(e *s3.Engine, v *awswire.Verifier, bucket string) http.Handler {
	if v == nil {
		panic("s3wire.Presigned: no verifier") // it would let everyone in
	}
	h := New(e, Options{Verifier: v, OnlyV4: true, sandbox: true}).(*handler)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setHeader(w.Header(), "X-Content-Type-Options", "nosniff")
		setHeader(w.Header(), "Content-Security-Policy", "default-src 'none'; sandbox")
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
	if awswire.IsV2(c.r) {
		c.setCORSHeadersForOrigin()
		return awswire.ErrSignatureV2()
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
	isPart := c.r.Method == http.MethodPut && c.query.Has("uploadId") && c.query.Has("partNumber")
	for name := range c.query {
		if isPart && (name == "uploadId" || name == "partNumber") {
			continue
		}
		// Other parameters would make it another operation.
		if !strings.HasPrefix(strings.ToLower(name), "x-amz-") && !strings.HasPrefix(name, "response-") && name != "x-id" {
			return false
		}
	}
	return true
}

// takePresignedHeaders adds the x-amz- parameters of a presigned URL to the headers:
// SDKs move headers there. S3 ignores checksums there.
func (c *request) takePresignedHeaders() error {
	var headers http.Header // nil: no change
	for name, values := range c.query {
		name = http.CanonicalHeaderKey(name)
		switch {
		case !strings.HasPrefix(name, "X-Amz-") || notHeaders[name] || strings.HasPrefix(name, "X-Amz-Checksum-") || c.r.Header.Get(name) != "":
			continue
		case name == "X-Amz-Copy-Source":
			return notImplemented("x-amz-copy-source in the query")
		}
		if headers == nil {
			headers = c.r.Header.Clone()
		}
		headers[name] = values
	}
	if headers != nil {
		c.r = c.r.WithContext(c.r.Context()) // a copy: the client's own request in process
		c.r.Header = headers
	}
	return nil
}

// notHeaders are parameters that are no headers moved into the URL.
var notHeaders = map[string]bool{
	"X-Amz-Algorithm": true, "X-Amz-Credential": true, "X-Amz-Date": true, "X-Amz-Expires": true, "X-Amz-Signature": true,
	"X-Amz-Signedheaders": true, "X-Amz-Security-Token": true, "X-Amz-Content-Sha256": true, "X-Amz-Sdk-Checksum-Algorithm": true,
}
