package localstack

import (
	"net/http"
	"strings"

	"github.com/errandhq/errand/localstack/internal/gateway"
	"github.com/errandhq/errand/localstack/internal/s3/s3wire"
)

// APIOptions are of the product's door.
type APIOptions struct {
	// Fallback answers what no route of the template takes; nil answers as API
	// Gateway does, {"message":"Not Found"}.
	Fallback http.Handler
}

// API is the product's door: the template's routes, and of AWS only presigned
// requests and signed forms for objects of the template's buckets, at
// /BUCKET/KEY. Which Hosts and addresses it is served at is the caller's to say.
//
// Several APIs share the door: a Host that begins with an API's ID, as on AWS,
// means that one; any other means the first one that has a route.
func (s *Stack) API(o APIOptions) http.Handler {
	objects := map[string]http.Handler{}
	for _, b := range s.template.Buckets {
		door := s3wire.Presigned(s.services.s3, s.presigned, b.Name)
		objects[b.Name] = s.hostileS3(s.counted("s3", s3Operation, door))
	}
	doors := map[*gateway.Gateway]http.Handler{}
	for _, g := range s.gateways {
		doors[g] = s.hostileAPI(g)
	}
	return s.logPanics(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		door := objects[first]
		api, handles := s.gatewayOf(r)
		switch {
		case door != nil:
			door.ServeHTTP(w, r)
		case api != nil && (o.Fallback == nil || handles):
			s.usage.add("apigateway.Request", Usage{Calls: 1})
			doors[api].ServeHTTP(w, r)
		case o.Fallback != nil:
			o.Fallback.ServeHTTP(w, r)
		default:
			http.NotFound(w, r)
		}
	}))
}

// gatewayOf is the API that a request is for; nil if the template has none.
// handles: it has a route for it.
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
