package api

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// Options are a handler's surroundings.
type Options struct {
	// Log gets a line for each request (Debug), each refusal that has a cause
	// (Info) and each failure (Error); nil: none. Tokens and query values
	// never stand in it.
	Log *slog.Logger
	// Hosts are the host names that the API is addressed by, without ports;
	// empty: any. Loopback names are always allowed. Any other Host header is
	// refused, which keeps a page elsewhere from rebinding its name to us.
	Hosts []string
	// PageOrigin is the one other origin whose page may call the API, scheme://host;
	// "/" or empty: none.
	PageOrigin string
	// RequestID is the ID that the platform gave the request; where it is nil,
	// or answers nothing, one is made.
	RequestID func(*http.Request) string
}

// NewHandler serves the endpoints, or all of them if none is named. Other paths
// are answered with 404, and other methods of any endpoint's path with 405, as
// problem+json: so a gateway may send what it has no route for to any of them.
func NewHandler(svc *control.Service, opts Options, endpoints ...Endpoint) http.Handler {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if len(endpoints) == 0 {
		endpoints = Endpoints()
	}
	return &server{Options: opts, svc: svc, routes: byPath(endpoints), known: byPath(append(Endpoints(), endpoints...))}
}

type server struct {
	Options
	svc    *control.Service
	routes map[string]map[string]Route // that are served, by path, then method
	known  map[string]map[string]Route // that there are, here or in another function
}

func byPath(endpoints []Endpoint) map[string]map[string]Route {
	routes := map[string]map[string]Route{}
	for _, e := range endpoints {
		for _, r := range e.Routes {
			if routes[r.Path] == nil {
				routes[r.Path] = map[string]Route{}
			}
			routes[r.Path][r.Method] = r
		}
	}
	return routes
}

// request is an HTTP request that is being served.
type request struct {
	*control.Service
	r      *http.Request
	caller control.Caller
	params *params
	body   []byte
}

func (c *request) ctx() context.Context { return c.r.Context() }

// response is what a request that succeeded is answered with.
type response struct {
	status   int
	body     any // written as JSON; nil: none
	location string
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begun := time.Now()
	id := s.requestID(r)
	setHeaders(w.Header(), id)
	status, err := s.respond(w, r, id)
	s.note(r, id, status, err, time.Since(begun))
}

func setHeaders(h http.Header, requestID string) {
	h.Set("X-Request-Id", requestID)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
}

// respond writes the answer, or the problem, and returns what it wrote.
func (s *server) respond(w http.ResponseWriter, r *http.Request, id string) (status int, err error) {
	a, err := s.guarded(w, r)
	var body []byte
	if err == nil && a.body != nil {
		body, err = marshal(a.body)
	}
	if err != nil {
		return writeProblem(w, id, err), err
	}
	if a.location != "" {
		w.Header().Set("Location", a.location)
	}
	if a.body == nil {
		w.WriteHeader(a.status)
		return a.status, nil
	}
	writeJSON(w, "application/json", a.status, body)
	return a.status, nil
}

// guarded is serve; a panic becomes an error with the stack in it.
func (s *server) guarded(w http.ResponseWriter, r *http.Request) (a response, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return s.serve(w, r)
}

// serve lets the request through all checks, cheapest first, to its action.
func (s *server) serve(w http.ResponseWriter, r *http.Request) (response, error) {
	if err := s.checkOrigin(r); err != nil {
		return response{}, err
	}
	route, err := s.route(w, r)
	if err != nil {
		return response{}, err
	}
	caller := control.Caller{Origin: origin(r)}
	if !route.isOpen() {
		if caller, err = authenticate(s.svc, w, r); err != nil {
			return response{}, err
		}
		if err := route.permit(caller.Role); err != nil {
			return response{}, err
		}
	}
	q, err := parseParams(r.URL.RawQuery, route.params)
	if err != nil {
		return response{}, err
	}
	body, err := readBody(w, r, route.maxBody)
	if err != nil {
		return response{}, err
	}
	return route.do(&request{Service: s.svc, r: r, caller: caller, params: q, body: body})
}

// route finds the route. HEAD isn't GET here: asking for work has an effect.
func (s *server) route(w http.ResponseWriter, r *http.Request) (Route, error) {
	if route, ok := s.routes[r.URL.Path][r.Method]; ok {
		return route, nil
	}
	methods, ok := s.known[r.URL.Path]
	if _, elsewhere := methods[r.Method]; !ok || elsewhere {
		return Route{}, errand.Errorf(errand.CodeNotFound, "there is no path %q", cut(r.URL.Path))
	}
	allowed := strings.Join(slices.Sorted(maps.Keys(methods)), ", ")
	w.Header().Set("Allow", allowed)
	return Route{}, errand.Errorf(errand.CodeMethodNotAllowed, "%s takes %s", r.URL.Path, allowed)
}

func (s *server) requestID(r *http.Request) string {
	if s.RequestID != nil {
		if id := s.RequestID(r); id != "" {
			return id
		}
	}
	return rand.Text()
}

// note logs how the request went. Refusals without a cause are the caller's
// affair alone.
func (s *server) note(r *http.Request, id string, status int, err error, took time.Duration) {
	level := slog.LevelDebug
	switch gone := errors.Is(r.Context().Err(), context.Canceled); {
	case gone: // and with the caller the use of what failed
	case status >= 500:
		level = slog.LevelError
	case hasCause(err):
		level = slog.LevelInfo
	}
	attrs := []slog.Attr{
		slog.String("request", id), slog.String("method", r.Method), slog.String("path", r.URL.Path),
		slog.Int("status", status), slog.Duration("took", took),
	}
	if err != nil {
		attrs = append(attrs, slog.String("code", string(errand.CodeOf(err))), slog.Any("err", err))
	}
	s.Log.LogAttrs(r.Context(), level, "request", attrs...)
}
