// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-aws-services.html

package gateway

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Service is an integration that sends a route's requests to an AWS service, without
// a function.
type Service struct {
	Subtype    string            // "SQS-ReceiveMessage"
	Parameters map[string]string // texts and expressions; see mapping
}

// ServiceResponse is a service's response.
type ServiceResponse struct {
	Status      int
	ContentType string
	Body        []byte
}

// Services calls AWS's services with the permissions of the integration.
type Services interface {
	// CallService calls an action ("ReceiveMessage") of a service ("SQS") in the
	// query protocol. Errors: ctx's; an unsupported service.
	CallService(ctx context.Context, service, action string, parameters map[string]string) (ServiceResponse, error)
}

// compiledService is a Service with parsed parameters.
type compiledService struct {
	service, action string
	parameters      map[string]mapping
}

func compileService(s *Service) (*compiledService, error) {
	if s == nil {
		return nil, nil
	}
	c := &compiledService{parameters: map[string]mapping{}}
	var ok bool
	if c.service, c.action, ok = strings.Cut(s.Subtype, "-"); !ok {
		return nil, fmt.Errorf("the integration subtype %q is not of the form Service-Action", s.Subtype)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Parameters)) {
		m, err := compileMapping(s.Parameters[name])
		if err != nil {
			return nil, fmt.Errorf("request parameter %s: %w", name, err)
		}
		c.parameters[name] = m
	}
	return c, nil
}

// parametersOf evaluates the parameters for a request. It leaves out those without a
// value, so that the service reports them as missing.
func (c *compiledService) parametersOf(e *event, body []byte) map[string]string {
	out := make(map[string]string, len(c.parameters))
	for name, m := range c.parameters {
		if v, ok := m.value(e, body); ok && name != "Region" {
			out[name] = v
		}
	}
	return out
}

// serve calls the route's service and passes on its response, also an error.
func (g *Gateway) serve(w http.ResponseWriter, r *http.Request, matched *route, e *event, body []byte) {
	ctx, cancel := g.invokeContext(r.Context(), matched)
	defer cancel()
	c := matched.service
	answer, err := g.Services.CallService(ctx, c.service, c.action, c.parametersOf(e, body))
	switch {
	case r.Context().Err() != nil:
		writeEnded(w, r)
	case errors.Is(err, context.DeadlineExceeded):
		g.Logf("gateway: %s: %s didn't respond in time", matched.key(), matched.Service.Subtype)
		WriteError(w, http.StatusServiceUnavailable, "Service Unavailable")
	case err != nil:
		g.Logf("gateway: %s: %s: %s", matched.key(), matched.Service.Subtype, err)
		WriteError(w, http.StatusInternalServerError, "Internal Server Error")
	default:
		w.Header().Set("Content-Type", answer.ContentType)
		w.Header().Set("Content-Length", strconv.Itoa(len(answer.Body)))
		w.WriteHeader(answer.Status)
		_, _ = w.Write(answer.Body) // the client may have gone
	}
}
