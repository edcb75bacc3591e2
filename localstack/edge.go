package localstack

import (
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"runtime/debug"
	"strings"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/dynamodb/dynamodbwire"
	"github.com/errandhq/errand/localstack/internal/lambda/lambdawire"
	"github.com/errandhq/errand/localstack/internal/s3/s3wire"
	"github.com/errandhq/errand/localstack/internal/sqs/sqswire"
	"github.com/errandhq/errand/localstack/internal/sts"
)

// healthPath tells whether the stack is up. Requests need no signature.
const healthPath = "/_localstack/health"

// Edge serves all services of the stack. It tells them apart by the scope that a
// request is signed for, and checks the signature (Signature Version 4; for S3,
// Version 2, too).
func (s *Stack) Edge() http.Handler { return s.edge }

func (s *Stack) newEdge() http.Handler {
	handlers := s.handlers
	serve := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		service := serviceOf(r)
		if h, ok := handlers[service]; ok {
			h.ServeHTTP(w, r)
			return
		}
		s.refuse(w, r, service)
	})
	signed, presigned := s.signed.Middleware(serve, s.fail), s.presigned.Middleware(serve, s.fail)
	return s.logPanics(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == healthPath:
			health(w, handlers)
		case s.cfg.NoAuth:
			s.serveUnsigned(serve, w, r)
		case checksItself(r):
			serve(w, r)
		case awswire.IsPresigned(r):
			presigned.ServeHTTP(w, r)
		default:
			signed.ServeHTTP(w, r)
		}
	}))
}

// logPanics logs a panic of next and ends the connection without a response,
// since it may have begun. SDKs try such a request again, as they do after a 500.
func (s *Stack) logPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v != any(http.ErrAbortHandler) { // panicked on purpose, to end the connection
				s.cfg.Logf("%s %s: panic: %v\n%s", r.Method, r.URL.Path, v, debug.Stack())
			}
			panic(http.ErrAbortHandler)
		}()
		next.ServeHTTP(w, r)
	})
}

// checksItself reports whether r is a request that the S3 handler authorizes
// itself: an upload by form, whose body carries a signed policy, or a browser's
// preflight request.
func checksItself(r *http.Request) bool {
	if serviceOf(r) != "s3" {
		return false
	}
	form := r.Method == http.MethodPost && strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data")
	return form || r.Method == http.MethodOptions
}

// serveUnsigned serves a request in the scope that it claims. It refuses requests
// of pages of other origins: any page could make a browser send some here.
func (s *Stack) serveUnsigned(next http.Handler, w http.ResponseWriter, r *http.Request) {
	if origin := r.Header.Get("Origin"); origin != "" && !isLoopbackOrigin(origin) {
		s.fail(w, r, awswire.Errorf(http.StatusForbidden, "AccessDenied", "origin %s may not use a stack without authentication", origin))
		return
	}
	id := awswire.Identity{AccessKeyID: s.creds.AccessKeyID, Region: s.cfg.Region, Service: serviceOf(r)}
	if region, _, ok := awswire.Scope(r); ok && region != "" {
		id.Region = region
	} else if m := queuePath.FindStringSubmatch(r.URL.Path); m != nil && id.Service == "sqs" {
		id.Region = m[1]
	}
	next.ServeHTTP(w, r.WithContext(awswire.WithIdentity(r.Context(), id)))
}

// queuePath matches the path of a queue URL that names the queue's region.
var queuePath = regexp.MustCompile(`^/queue/([^/]+)/` + Account + `/[^/]+/?$`)

func isLoopbackOrigin(origin string) bool {
	u, err := url.Parse(origin)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// serviceOf returns the service that a request is for: the one in the scope of
// its signature or, without a signature, the one whose protocol it is in.
func serviceOf(r *http.Request) string {
	if _, service, ok := awswire.Scope(r); ok {
		if service == "sqs_query" { // LocalStack's name for the query protocol
			return "sqs"
		}
		return service
	}
	target := r.Header.Get("X-Amz-Target")
	switch {
	case strings.HasPrefix(target, "AmazonSQS."):
		return "sqs"
	case strings.HasPrefix(target, "DynamoDB_"):
		return "dynamodb"
	case strings.HasPrefix(r.URL.Path, lambdawire.PathPrefix+"/"):
		return "lambda"
	case awswire.IsQuery(r):
		return "sqs"
	case r.Method == http.MethodPost && r.URL.Path == "/" && !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/"):
		return "dynamodb" // no operation of S3
	}
	return "s3"
}

// fail answers a request that isn't passed on to a service, in the protocol of the
// service that it is for.
func (s *Stack) fail(w http.ResponseWriter, r *http.Request, e *awswire.Error) {
	service := serviceOf(r)
	if e.Status >= http.StatusInternalServerError {
		s.cfg.Logf("%s: %s %s: %v", service, r.Method, r.URL.Path, e)
	}
	switch service {
	case "s3":
		s3wire.WriteError(w, r, e)
	case "dynamodb":
		dynamodbwire.Refuse(e).ServeHTTP(w, r)
	case "sqs":
		sqswire.WriteError(w, r, e)
	case "sts":
		awswire.WriteQueryError(w, sts.Namespace, e)
	default:
		writeError(w, r, service, e)
	}
}

// health answers as LocalStack does, for testcontainers modules and scripts that
// were written for LocalStack: they wait for a 200 and read the list of services.
func health(w http.ResponseWriter, handlers map[string]http.Handler) {
	services := make(map[string]string, len(handlers))
	for name := range handlers {
		services[name] = "running"
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"services": services, "edition": "errand"})
}
