// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api.html

// Package gateway is an API Gateway HTTP API: it converts a request to an event of
// payload format 2.0, invokes a function with it, and converts the function's output
// to a response.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/errandhq/errand/internal/clock"
)

// Limits of HTTP APIs.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
const (
	MaxBodyBytes   = 10 << 20
	MaxHeaderBytes = 10_240 // request line and headers
	MaxTimeout     = 30 * time.Second
)

// ErrTooLarge is an Invoker's error for an event that is too large for Lambda. It
// makes the response a 413; any other error, also throttling, makes it a 500.
var ErrTooLarge = errors.New("the event is too large")

// Invoker runs functions.
type Invoker interface {
	// Invoke runs a function with an event and returns its output. failed: the
	// function returned an error, which output describes. After ctx's deadline the
	// function may run on. If ctx is cancelled, the client has gone.
	// Errors: ErrTooLarge, ctx's.
	Invoke(ctx context.Context, function string, event []byte) (output []byte, failed bool, err error)
}

// Config configures a Gateway.
type Config struct {
	APIID, Region, Account string
	Routes                 []Route
	CORS                   *CORS // nil: none
	Invoker                Invoker
	Services               Services // needed by routes with a Service
	// Timeout overrides that of every route, unless it is 0.
	Timeout time.Duration
	Clock   clock.Clock // nil: the machine's
	Logf    func(format string, args ...any)
}

// Gateway is one HTTP API. It is safe for concurrent use.
type Gateway struct {
	Config
	routes []*route // most specific first
	domain string
}

// New returns a gateway. Errors: an invalid route.
func New(c Config) (*Gateway, error) {
	if c.Clock == nil {
		c.Clock = clock.Real()
	}
	if c.Logf == nil {
		c.Logf = func(string, ...any) {}
	}
	g := &Gateway{Config: c, domain: c.APIID + ".execute-api." + c.Region + ".amazonaws.com"}
	for _, r := range c.Routes {
		compiled, err := compile(r)
		if err != nil {
			return nil, fmt.Errorf("route %s %s: %w", r.Method, r.Path, err)
		}
		g.routes = append(g.routes, compiled)
	}
	sortRoutes(g.routes)
	return g, nil
}

// Handles reports whether a route matches r, or the request that r is a preflight
// of.
func (g *Gateway) Handles(r *http.Request) bool {
	method := r.Method
	if g.isPreflight(r) {
		method = r.Header.Get("Access-Control-Request-Method")
	}
	path, err := pathOf(r)
	found, _ := g.match(method, path)
	return err == nil && found != nil
}

// RouteKey returns the key of the route that matches the request, "GET /jobs/{id}";
// empty if none does.
func (g *Gateway) RouteKey(r *http.Request) string {
	path, err := pathOf(r)
	found, _ := g.match(r.Method, path)
	if err != nil || found == nil {
		return ""
	}
	return found.key()
}

func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	requestID := newRequestID()
	w.Header().Set("Apigw-Requestid", requestID)
	if headerBytes(r) > MaxHeaderBytes {
		WriteError(w, http.StatusRequestHeaderFieldsTooLarge, "Request Header Fields Too Large")
		return
	}
	if g.isPreflight(r) {
		g.CORS.preflight(w, r)
		return
	}
	if g.CORS != nil {
		g.CORS.decorate(w, r)
	}
	path, err := pathOf(r)
	if err != nil {
		WriteError(w, http.StatusBadRequest, "Bad Request")
		return
	}
	matched, params := g.match(r.Method, path)
	if matched == nil {
		WriteError(w, http.StatusNotFound, "Not Found")
		return
	}
	body, err := readBody(w, r)
	if err != nil {
		return // readBody has responded, or the client has gone
	}
	e := g.event(r, path, matched, params, body, requestID)
	if matched.service != nil {
		g.serve(w, r, matched, e, body)
		return
	}
	g.integrate(w, r, matched, e.encode())
}

// integrate invokes the route's function and writes the response. If the function
// fails, the response is a 500: the documented 502 is that of REST APIs
// (docs/gateway.md).
func (g *Gateway) integrate(w http.ResponseWriter, r *http.Request, matched *route, event []byte) {
	ctx, cancel := g.invokeContext(r.Context(), matched)
	defer cancel()
	output, failed, err := g.Invoker.Invoke(ctx, matched.Function, event)
	switch {
	case r.Context().Err() != nil:
		writeEnded(w, r)
	case errors.Is(err, context.DeadlineExceeded):
		g.Logf("gateway: %s: %s didn't respond in time", matched.key(), matched.Function)
		WriteError(w, http.StatusServiceUnavailable, "Service Unavailable")
	case errors.Is(err, ErrTooLarge):
		WriteError(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
	case err != nil:
		g.Logf("gateway: %s: invoke %s: %s", matched.key(), matched.Function, err)
		WriteError(w, http.StatusInternalServerError, "Internal Server Error")
	case failed:
		g.Logf("gateway: %s: %s failed: %.2000s", matched.key(), matched.Function, output)
		WriteError(w, http.StatusInternalServerError, "Internal Server Error")
	default:
		g.respond(w, matched, output)
	}
}

// writeEnded responds to a request whose context has ended: because the client has gone, or
// because the server ends, which is the context's cause then. Without a response, net/http
// would send 200.
func writeEnded(w http.ResponseWriter, r *http.Request) {
	if cause := context.Cause(r.Context()); !errors.Is(cause, context.Canceled) {
		WriteError(w, http.StatusServiceUnavailable, "Service Unavailable")
	}
}

func (g *Gateway) respond(w http.ResponseWriter, matched *route, output []byte) {
	resp, err := infer(output)
	if err != nil {
		g.Logf("gateway: %s: output of %s: %s", matched.key(), matched.Function, err)
		WriteError(w, http.StatusInternalServerError, "Internal Server Error")
		return
	}
	resp.write(w, g.CORS != nil)
}

// invokeContext returns the context of an invocation. It is cancelled if the client
// goes away, and its deadline is the integration's timeout. A deadline of the
// client's own counts as going away.
func (g *Gateway) invokeContext(client context.Context, matched *route) (context.Context, context.CancelFunc) {
	timeout := matched.Timeout
	if timeout == 0 {
		timeout = MaxTimeout
	}
	if g.Timeout != 0 {
		timeout = g.Timeout
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(client))
	stop := context.AfterFunc(client, cancel)
	ctx, stopTimer := context.WithTimeout(ctx, timeout)
	return ctx, func() {
		stop()
		stopTimer()
		cancel()
	}
}
