package localstack

import (
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/dynamodb/dynamodbwire"
	"github.com/errandhq/errand/localstack/internal/lambda/lambdawire"
	"github.com/errandhq/errand/localstack/internal/s3/s3wire"
)

// healthPath answers who asks whether the stack is up, with no signature.
const healthPath = "/_localstack/health"

// Edge is the whole AWS: requests of every service, told apart by the scope
// that they were signed for, with Signature Version 4 checked.
func (s *Stack) Edge() http.Handler { return s.edge }

func (s *Stack) newEdge() http.Handler {
	handlers := s.handlers
	serve := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		service := serviceOf(r)
		if h, ok := handlers[service]; ok {
			h.ServeHTTP(w, r)
			return
		}
		fail(w, r, awswire.Errorf(http.StatusNotImplemented, "UnsupportedOperationException", "service %s is not supported", service))
	})
	signed, presigned := s.signed.Middleware(serve, fail), s.presigned.Middleware(serve, fail)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == healthPath:
			health(w, handlers)
		case s.cfg.NoAuth:
			s.serveUnsigned(serve, w, r)
		case checksItself(r):
			serve(w, r)
		case r.URL.RawQuery != "" && r.URL.Query().Has("X-Amz-Signature"):
			presigned.ServeHTTP(w, r)
		default:
			signed.ServeHTTP(w, r)
		}
	})
}

// checksItself reports whether a request of S3 is one whose permission doesn't
// stand in its headers or query: an upload by form, which carries a signed
// policy in its body, or a browser's preflight. The S3 handler checks those.
func checksItself(r *http.Request) bool {
	if serviceOf(r) != "s3" {
		return false
	}
	form := r.Method == http.MethodPost && strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data")
	return form || r.Method == http.MethodOptions
}

// serveUnsigned serves with whatever scope the request claims. A page of
// another origin could make a browser send requests here, so those are refused.
func (s *Stack) serveUnsigned(next http.Handler, w http.ResponseWriter, r *http.Request) {
	if origin := r.Header.Get("Origin"); origin != "" && !isLoopbackOrigin(origin) {
		fail(w, r, awswire.Errorf(http.StatusForbidden, "AccessDenied", "origin %s may not use a stack without authentication", origin))
		return
	}
	id := awswire.Identity{AccessKeyID: s.creds.AccessKeyID, Region: s.cfg.Region, Service: serviceOf(r)}
	if region, _, ok := awswire.Scope(r); ok && region != "" {
		id.Region = region
	} else if m := queuePath().FindStringSubmatch(r.URL.Path); m != nil && id.Service == "sqs" {
		id.Region = m[1]
	}
	next.ServeHTTP(w, r.WithContext(awswire.WithIdentity(r.Context(), id)))
}

// queuePath is a queue URL's path that says the queue's region.
var queuePath = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^/queue/([^/]+)/` + Account + `/[^/]+/?$`) })

func isLoopbackOrigin(origin string) bool {
	u, err := url.Parse(origin)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// serviceOf tells which service a request is for: by the scope of its
// signature, or by its form if it has none.
func serviceOf(r *http.Request) string {
	if _, service, ok := awswire.Scope(r); ok {
		if service == "sqs_query" { // what clients made for LocalStack sign the query protocol for
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
	case strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"), r.URL.Query().Has("Action"):
		return "sqs"
	case r.Method == http.MethodPost && r.URL.Path == "/" && !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/"):
		return "dynamodb" // S3 has no operation that would be this
	}
	return "s3"
}

// fail answers what no service has seen, in the protocol that the request is in.
func fail(w http.ResponseWriter, r *http.Request, e *awswire.Error) {
	if serviceOf(r) == "s3" {
		s3wire.WriteError(w, r, e)
		return
	}
	w.Header().Set("X-Amzn-Requestid", awswire.RequestID())
	switch serviceOf(r) {
	case "dynamodb":
		dynamodbwire.Refuse(e).ServeHTTP(w, r)
	case "sqs":
		if r.Header.Get("X-Amz-Target") == "" {
			writeXMLError(w, e)
			return
		}
		writeJSONError(w, "com.amazon.coral.service#", "application/x-amz-json-1.0", e)
	default:
		lambdawire.WriteError(w, e)
	}
}

func writeJSONError(w http.ResponseWriter, namespace, contentType string, e *awswire.Error) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(e.Status)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": namespace + e.Code, "message": e.Message})
}

// health answers as LocalStack does: testcontainers' modules and scripts made
// for it wait for a 200 and read which services there are.
func health(w http.ResponseWriter, handlers map[string]http.Handler) {
	services := make(map[string]string, len(handlers))
	for name := range handlers {
		services[name] = "running"
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"services": services, "edition": "errand"})
}
