// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html

package gateway

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// CORS is an HTTP API's CORS configuration. With it, the gateway responds to
// preflight requests itself, and replaces the CORS headers of functions.
type CORS struct {
	AllowOrigins     []string // "*", "https://*", or whole origins
	AllowMethods     []string
	AllowHeaders     []string
	ExposeHeaders    []string
	MaxAge           time.Duration
	AllowCredentials bool
}

func (g *Gateway) isPreflight(r *http.Request) bool {
	return g.CORS != nil && r.Method == http.MethodOptions &&
		r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

// preflight responds with 204. An origin that isn't allowed gets no CORS headers.
func (c *CORS) preflight(w http.ResponseWriter, r *http.Request) {
	if c.decorate(w, r) {
		h := w.Header()
		setList(h, "Access-Control-Allow-Methods", c.AllowMethods)
		setList(h, "Access-Control-Allow-Headers", c.AllowHeaders)
		if c.MaxAge > 0 {
			h.Set("Access-Control-Max-Age", strconv.Itoa(int(c.MaxAge.Seconds())))
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// decorate sets the headers of every response to an allowed origin.
func (c *CORS) decorate(w http.ResponseWriter, r *http.Request) (allowed bool) {
	origin := r.Header.Get("Origin")
	h := w.Header()
	switch {
	case origin == "":
		return false
	case slices.Contains(c.AllowOrigins, "*"):
		h.Set("Access-Control-Allow-Origin", "*")
	case slices.ContainsFunc(c.AllowOrigins, func(a string) bool { return matchOrigin(a, origin) }):
		h.Set("Access-Control-Allow-Origin", origin)
		h.Add("Vary", "Origin")
	default:
		return false
	}
	if c.AllowCredentials {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	setList(h, "Access-Control-Expose-Headers", c.ExposeHeaders)
	return true
}

func matchOrigin(allowed, origin string) bool {
	if scheme, ok := strings.CutSuffix(allowed, "*"); ok && strings.HasSuffix(scheme, "://") {
		return strings.HasPrefix(origin, scheme)
	}
	return strings.EqualFold(allowed, origin)
}

func setList(h http.Header, name string, list []string) {
	if len(list) > 0 {
		h.Set(name, strings.Join(list, ","))
	}
}
