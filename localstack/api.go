package localstack

import (
	"net/http"
	"strings"

	"github.com/errandhq/errand/localstack/internal/gateway"
	"github.com/errandhq/errand/localstack/internal/s3/s3wire"
)

// APIOptions are options of Stack.API.
type APIOptions struct {
	// Fallback serves requests that match no route of the template; nil answers as
	// API Gateway does, {"message":"Not Found"}.
	Fallback http.Handler
}

// API serves the template's routes and, at /BUCKET/KEY, presigned requests and
// signed forms for objects of the template's buckets. It serves no other request of
// AWS's protocols. The caller chooses the addresses, and the Hosts to accept.
//
// If the template has several APIs, a Host that begins with an API's ID selects it,
// as on AWS. Otherwise the first API that has a matching route is used.
func (s *Stack) API(o APIOptions) http.Handler {
	objects := map[string]http.Handler{}
	for _, b := range s.template.Buckets {
		presigned := s3wire.Presigned(s.services.s3, s.presigned, b.Name)
		objects[b.Name] = s.hostileS3(s.counted("s3", s3Operation, presigned))
	}
	apis := map[*gateway.Gateway]http.Handler{}
	for _, g := range s.gateways {
		apis[g] = s.hostileAPI(g)
	}
	return s.logPanics(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		bucket := objects[first]
		api, handles := s.gatewayOf(r)
		switch {
		case bucket != nil:
			bucket.ServeHTTP(w, r)
		case api != nil && (o.Fallback == nil || handles):
			s.usage.add("apigateway.Request", Usage{Calls: 1})
			apis[api].ServeHTTP(w, r)
		case o.Fallback != nil:
			o.Fallback.ServeHTTP(w, r)
		default:
			http.NotFound(w, r)
		}
	}))
}

// gatewayOf returns the API that a request is for; nil if the template has none.
// handles reports whether it has a matching route.
func (s *Stack) gatewayOf(r *http.Request) (api *gateway.Gateway, handles bool) {
	id, _, _ := strings.Cut(r.Host, ".")
	for _, g := range s.gateways {
		if g.APIID == id {
			return g, g.Handles(r)
		}
	}
	for _, g := range s.gateways {
		if g.Handles(r) {
			return g, true
		}
	}
	if len(s.gateways) > 0 {
		api = s.gateways[0]
	}
	return api, false
}
