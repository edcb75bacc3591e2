// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html

package gateway

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Route sends requests to a function, or to a service.
type Route struct {
	Method   string // upper case, or "ANY"; ignored for $default
	Path     string // "/jobs/{id}", "/{proxy+}", "$default"
	Function string
	Service  *Service      // nil: it goes to Function
	Timeout  time.Duration // 0: MaxTimeout
}

// route is a Route with its path split into segments.
type route struct {
	Route
	segments []segment
	service  *compiledService // nil: a function
}

// segment is a part of a path between slashes.
type segment struct {
	kind segmentKind
	text string // the literal, or the parameter's name
}

type segmentKind int

// Most specific first.
const (
	literal segmentKind = iota
	parameter
	greedy
)

const defaultPath = "$default"

func compile(r Route) (*route, error) {
	service, err := compileService(r.Service)
	if err != nil {
		return nil, err
	}
	c := &route{Route: r, service: service}
	if r.Path == defaultPath {
		return c, nil
	}
	if !strings.HasPrefix(r.Path, "/") {
		return nil, errors.New("the path doesn't begin with /")
	}
	parts := strings.Split(r.Path[1:], "/")
	for i, p := range parts {
		s := segment{literal, p}
		if name, ok := strings.CutPrefix(p, "{"); ok {
			name, closed := strings.CutSuffix(name, "}")
			name, plus := strings.CutSuffix(name, "+")
			s = segment{parameter, name}
			if plus {
				s.kind = greedy
			}
			if !closed || name == "" {
				return nil, errors.New("a path variable must be {name} or {name+}")
			}
		}
		if s.kind == greedy && i < len(parts)-1 {
			return nil, errors.New("only the last path variable can be greedy")
		}
		c.segments = append(c.segments, s)
	}
	return c, nil
}

// key returns the route key of events: "GET /jobs/{id}".
func (r *route) key() string {
	if r.Path == defaultPath {
		return defaultPath
	}
	return r.Method + " " + r.Path
}

// sortRoutes puts the most specific route first: from the left, literals before
// parameters before greedy parameters; then a method before ANY; $default last.
func sortRoutes(routes []*route) {
	slices.SortStableFunc(routes, func(a, b *route) int {
		if d := cmp.Compare(rank(a), rank(b)); d != 0 {
			return d
		}
		for i := range min(len(a.segments), len(b.segments)) {
			if d := cmp.Compare(a.segments[i].kind, b.segments[i].kind); d != 0 {
				return d
			}
		}
		if d := cmp.Compare(len(b.segments), len(a.segments)); d != 0 {
			return d
		}
		return cmp.Compare(anyLast(a), anyLast(b))
	})
}

// rank is 0 for a full match, 1 for a greedy one, 2 for $default.
func rank(r *route) int {
	switch {
	case r.Path == defaultPath:
		return 2
	case r.segments[len(r.segments)-1].kind == greedy:
		return 1
	}
	return 0
}

func anyLast(r *route) int {
	if r.Method == "ANY" {
		return 1
	}
	return 0
}

// pathOf returns the path that routes match and events carry. API Gateway decodes a
// path twice, and cuts it at a "?" in between. So %2F and %252F both separate
// segments, and a percent sign must be sent as %2525: %25 is an error. Recorded from
// AWS in July 2026: hotsock/voker's vokerhttp/testdata/ingress-paths.json.
func pathOf(r *http.Request) (string, error) {
	once, err := url.PathUnescape(r.URL.EscapedPath())
	if err != nil {
		return "", err
	}
	once, _, _ = strings.Cut(once, "?")
	return url.PathUnescape(once)
}

// match returns the route of a request, and its path parameters.
func (g *Gateway) match(method, path string) (*route, map[string]string) {
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for _, r := range g.routes {
		if r.Path == defaultPath {
			return r, nil
		}
		if r.Method != method && r.Method != "ANY" {
			continue
		}
		if params, ok := r.matchPath(parts); ok {
			return r, params
		}
	}
	return nil, nil
}

func (r *route) matchPath(parts []string) (map[string]string, bool) {
	var params map[string]string
	for i, s := range r.segments {
		if i >= len(parts) {
			return nil, false
		}
		text := parts[i]
		if s.kind == greedy {
			text = strings.Join(parts[i:], "/")
		}
		if s.kind == literal {
			if text != s.text {
				return nil, false
			}
			continue
		}
		if text == "" {
			return nil, false
		}
		if params == nil {
			params = map[string]string{}
		}
		params[s.text] = text
		if s.kind == greedy {
			return params, true
		}
	}
	return params, len(parts) == len(r.segments)
}
