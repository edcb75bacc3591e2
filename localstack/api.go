package localstack

import (
	"net/http"
	"strings"

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
func (s *Stack) API(o APIOptions) http.Handler {
	objects := map[string]http.Handler{}
	for _, b := range s.template.Buckets {
		door := s3wire.Presigned(s.services.s3, s.presigned, b.Name)
		objects[b.Name] = s.s3Door(s.counted("s3", s3Operation, door))
	}
	var routes http.Handler
	if s.gateway != nil {
		routes = s.apiDoor(s.gateway)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		switch door := objects[first]; {
		case door != nil:
			door.ServeHTTP(w, r)
		case s.gateway != nil && (o.Fallback == nil || s.gateway.Handles(r)):
			s.usage.add("apigateway.Request", Usage{Calls: 1})
			routes.ServeHTTP(w, r)
		case o.Fallback != nil:
			o.Fallback.ServeHTTP(w, r)
		default:
			http.NotFound(w, r)
		}
	})
}
