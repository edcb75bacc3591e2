// Package s3wire speaks the protocol of S3 (REST and XML) for the engine of
// package s3.
package s3wire

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/engine"
	"github.com/errandhq/errand/localstack/internal/s3"
)

// Options of a handler. The zero value serves requests without a signature.
type Options struct {
	// Verifier checks the signatures of requests whose context has no identity, and
	// those of uploads by form, which no middleware can check. Nil: no signature is
	// checked.
	Verifier *awswire.Verifier
	// OnlyV4 refuses Signature Version 2.
	OnlyV4 bool

	sandbox bool // see Presigned
}

type handler struct {
	engine *s3.Engine
	opts   Options
}

// New returns a handler for all supported operations. It must get the path as it was
// sent: a mux that cleans paths would change keys.
func New(e *s3.Engine, o Options) http.Handler {
	return &handler{engine: e, opts: o}
}

// request is a request in progress.
type request struct {
	*handler
	w           *responseWriter
	r           *http.Request
	query       url.Values
	bucket, key string
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := h.newRequest(w, r)
	c.run(c.serve)
}

// run writes the response of serve, or its error. Where the response has begun
// already, an error ends the connection instead.
func (c *request) run(serve func() error) {
	err := c.call(serve)
	if err == nil {
		return
	}
	answer := c.engine.Answer(c.name(), err, internalError)
	if c.w.begun {
		panic(http.ErrAbortHandler)
	}
	WriteError(c.w, c.r, answer)
}

func (c *request) call(serve func() error) (err error) {
	if !c.engine.Enter() {
		return errClosing
	}
	defer c.engine.Leave()
	defer engine.Recover(&err)
	return serve()
}

// A responseWriter knows whether the response has begun.
type responseWriter struct {
	http.ResponseWriter
	begun bool
}

func (w *responseWriter) WriteHeader(status int) {
	w.begun = true
	w.ResponseWriter.WriteHeader(status)
}

func (w *responseWriter) Write(p []byte) (int, error) {
	w.begun = true
	return w.ResponseWriter.Write(p)
}

func (h *handler) newRequest(w http.ResponseWriter, r *http.Request) *request {
	setRequestID(w)
	setHeader(w.Header(), "Server", "AmazonS3")
	c := &request{handler: h, w: &responseWriter{ResponseWriter: w}, r: r, query: r.URL.Query()}
	c.bucket, c.key = splitTarget(r)
	return c
}

func setRequestID(w http.ResponseWriter) {
	setHeader(w.Header(), "X-Amz-Request-Id", awswire.RequestID())
	setHeader(w.Header(), "X-Amz-Id-2", awswire.RequestID())
}

func (c *request) serve() error {
	switch {
	case c.r.Method == http.MethodOptions:
		return c.preflight()
	case c.isPostObject():
		c.setCORSHeadersForOrigin()
		return c.postObject()
	}
	c.setCORSHeadersForOrigin() // first, so that a page can read the error
	if err := c.authenticate(); err != nil {
		return err
	}
	if awswire.IsPresigned(c.r) {
		if err := c.takePresignedHeaders(); err != nil {
			return err
		}
	}
	op, err := c.route()
	if err != nil {
		return err
	}
	return op(c)
}

// authenticate accepts an identity that a middleware has verified, if it was signed
// for S3, and else verifies the signature.
func (c *request) authenticate() (err error) {
	if c.opts.OnlyV4 && awswire.IsV2(c.r) {
		return awswire.ErrSignatureV2()
	}
	if c.opts.Verifier != nil && awswire.IdentityFrom(c.r.Context()).AccessKeyID == "" {
		if c.r, err = c.opts.Verifier.Authenticate(c.r); err != nil {
			return err
		}
	}
	id := awswire.IdentityFrom(c.r.Context())
	if id.AccessKeyID != "" && id.Service != "s3" {
		return awswire.Errorf(http.StatusBadRequest, "AuthorizationHeaderMalformed", "The authorization header is malformed; incorrect service %q. This endpoint belongs to \"s3\".", id.Service)
	}
	if id.V2 {
		return c.checkRegionV2()
	}
	return nil
}

// regionsV2 are those in which S3 accepts Signature Version 2.
var regionsV2 = []string{
	"us-east-1", "us-west-1", "us-west-2", "eu-west-1", "ap-northeast-1", "ap-southeast-1", "ap-southeast-2", "sa-east-1",
	"us-gov-east-1", "us-gov-west-1",
}

// checkRegionV2 refuses Signature Version 2 for a bucket in a newer region.
func (c *request) checkRegionV2() error {
	b, err := c.engine.Bucket(c.bucket)
	if err == nil && !slices.Contains(regionsV2, b.Region) {
		return awswire.ErrSignatureV2()
	}
	return nil // the operation tells of a bucket that isn't there
}

// splitTarget reads bucket and key from the host (bucket.s3.amazonaws.com/key) or the
// path (/bucket/key).
func splitTarget(r *http.Request) (bucket, key string) {
	path := strings.TrimPrefix(r.URL.Path, "/")
	if bucket = awswire.HostBucket(r.Host); bucket != "" {
		return bucket, path
	}
	bucket, key, _ = strings.Cut(path, "/")
	return bucket, key
}

var (
	internalError = awswire.Errorf(http.StatusInternalServerError, "InternalError", "We encountered an internal error. Please try again.")
	errClosing    = awswire.Errorf(http.StatusServiceUnavailable, "ServiceUnavailable", "The server is shutting down.")
)

// name identifies the request in logs.
func (c *request) name() string {
	return c.r.Method + " " + c.r.URL.Path + " (request " + c.w.Header().Get("X-Amz-Request-Id") + ")"
}
