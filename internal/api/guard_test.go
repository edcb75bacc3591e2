package api_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/api/apitest"
	"github.com/errandhq/errand/internal/control"
	"github.com/errandhq/errand/test/apistack"
)

// TestRoles is the matrix of routes and roles. A request that passes is
// refused for another reason, or answered; never with 401 or 403.
func TestRoles(t *testing.T) {
	s := apistack.New(t)
	tokens := map[errand.Role]string{
		errand.RoleUser: s.User, errand.RoleAgent: s.Agent, errand.RoleAdmin: s.Admin, errand.RoleWorker: s.Worker(t).Token,
	}
	user, agent, worker := []errand.Role{errand.RoleUser, errand.RoleAdmin}, []errand.Role{errand.RoleAgent}, []errand.Role{errand.RoleWorker}
	admin := []errand.Role{errand.RoleAdmin}
	allowed := map[string][]errand.Role{
		"POST /api/workers/register":   agent,
		"GET /api/workers/register":    user,
		"GET /api/workers":             user,
		"POST /api/workers/heartbeat":  worker,
		"POST /api/workers/sync":       worker,
		"POST /api/jobs/create":        user,
		"GET /api/jobs/create":         user,
		"GET /api/jobs":                user,
		"GET /api/jobs/get-job":        worker,
		"GET /api/jobs/status":         user,
		"GET /api/jobs/explain":        user,
		"POST /api/jobs/submit-result": worker,
		"PUT /api/jobs/submit-result":  worker,
		"GET /api/jobs/logs":           user,
		"GET /api/jobs/artifacts":      user,
		"POST /api/jobs/artifacts":     worker,
		"GET /api/jobs/source":         user,
		"POST /api/jobs/caches":        worker,
		"POST /api/jobs/cancel":        user,
		"POST /api/uploads":            user,
		"POST /api/uploads/batch":      user,
		"POST /api/execute":            user,
		"GET /api/queues":              user,
		"POST /api/schedules":          user,
		"GET /api/schedules":           user,
		"DELETE /api/schedules":        user,
		"GET /api/schedules/status":    user,
		"POST /api/schedules/pause":    user,
		"POST /api/schedules/resume":   user,
		"POST /api/schedules/run":      user,
		"GET /api/session":             user,
		"DELETE /api/session":          user, // with a session's token: see test/flow
		"POST /api/session/code":       user,
		"GET /api/tokens":              user,
		"DELETE /api/tokens":           user,
		"POST /api/workers/pause":      admin,
		"POST /api/workers/resume":     admin,
		"POST /api/workers/drain":      admin,
		"POST /api/workers/forget":     admin,
		"POST /api/queues":             admin,
		"DELETE /api/queues":           admin,
		"POST /api/queues/pause":       admin,
		"POST /api/queues/resume":      admin,
	}
	for _, e := range api.Endpoints() {
		for _, r := range e.Routes {
			name := r.Method + " " + r.Path
			if r.IsOpen() {
				if name != "POST /api/session" {
					t.Errorf("%s takes no token", name)
				}
				continue
			}
			may, ok := allowed[name]
			if !ok {
				t.Errorf("%s isn't in the matrix", name)
			}
			for role, token := range tokens {
				got := send(t, s, token, r.Method, r.Path, bodyFor(r))
				if slices.Contains(may, role) {
					if got.StatusCode == http.StatusForbidden && name != "DELETE /api/session" || got.StatusCode == http.StatusUnauthorized {
						t.Errorf("%s with the token of %s → %s", name, role, got.body)
					}
					continue
				}
				got.want(t, errand.CodeForbidden, "")
				for _, role := range may {
					if !strings.Contains(got.problem.Detail, string(role)) {
						t.Errorf("%s: %q doesn't say that %s may", name, got.problem.Detail, role)
					}
				}
			}
		}
	}
}

func bodyFor(r api.Route) string {
	if r.HasBody() {
		return "{}"
	}
	return ""
}

func TestAuthentication(t *testing.T) {
	s := apistack.New(t)
	w := s.Worker(t)
	for name, tc := range map[string]struct{ header, challenge string }{
		"none":              {"", "Bearer"},
		"basic":             {"Basic " + s.User, "Bearer"},
		"no scheme":         {s.User, "Bearer"},
		"empty":             {"Bearer ", "Bearer"},
		"unknown":           {"Bearer " + errand.NewToken(errand.RoleUser, ""), `Bearer error="invalid_token"`},
		"unknown worker's":  {"Bearer " + errand.NewToken(errand.RoleWorker, "nobody-knows"), `Bearer error="invalid_token"`},
		"another worker's":  {"Bearer " + errand.NewToken(errand.RoleWorker, w.WorkerID), `Bearer error="invalid_token"`},
		"much too long":     {"Bearer " + strings.Repeat("x", 5000), "Bearer"},
		"hash of the token": {"Bearer " + errand.HashToken(s.User), `Bearer error="invalid_token"`},
	} {
		t.Run(name, func(t *testing.T) {
			for _, e := range api.Endpoints() {
				for _, r := range e.Routes {
					if r.IsOpen() {
						continue
					}
					got := send(t, s, "", r.Method, r.Path, bodyFor(r), "Authorization", tc.header)
					got.want(t, errand.CodeUnauthenticated, "")
					if c := got.Header.Get("WWW-Authenticate"); c != tc.challenge {
						t.Errorf("challenge %q", c)
					}
				}
			}
		})
	}
	open := send(t, s, "", "POST", "/api/session", `{"code":"unknown"}`)
	open.want(t, errand.CodeUnauthenticated, "")
	if c := open.Header.Get("WWW-Authenticate"); c != "Bearer" {
		t.Errorf("challenge of a wrong code %q", c)
	}
	if got := send(t, s, "", "GET", "/api/jobs", "", "Authorization", "bearer  "+s.User); got.StatusCode != http.StatusOK {
		t.Errorf("the scheme's case matters: %s", got.body)
	}
}

func TestRouting(t *testing.T) {
	s := apistack.New(t)
	for _, path := range []string{"/api/", "/api/job", "/api/jobs/", "/api/jobs/create/x", "/api/%6aobs/none"} {
		got := send(t, s, s.User, "GET", path, "")
		got.want(t, errand.CodeNotFound, "")
	}
	for _, tc := range [][3]string{
		{"DELETE", "/api/jobs/create", "GET, POST"},
		{"POST", "/api/jobs", "GET"},
		{"HEAD", "/api/jobs/get-job", "GET"},
		{"OPTIONS", "/api/jobs/submit-result", "POST, PUT"},
		{"get", "/api/jobs", "GET"},
	} {
		got := send(t, s, s.User, tc[0], tc[1], "")
		if got.StatusCode != http.StatusMethodNotAllowed || got.Header.Get("Allow") != tc[2] {
			t.Errorf("%s %s → %d, Allow: %s", tc[0], tc[1], got.StatusCode, got.Header.Get("Allow"))
		}
	}
}

// TestOneEndpoint: a function of one endpoint serves that one alone, but knows
// the others' paths.
func TestOneEndpoint(t *testing.T) {
	s := apistack.New(t)
	h := api.NewHandler(s.Service, api.Options{}, api.JobsCreate)
	for route, want := range map[string]int{
		"GET /api/jobs": http.StatusOK, "GET /api/jobs/create": http.StatusOK, "GET /api/workers": http.StatusNotFound,
		"GET /api/none": http.StatusNotFound, "DELETE /api/jobs": http.StatusMethodNotAllowed, "DELETE /api/workers": http.StatusMethodNotAllowed,
	} {
		method, path, _ := strings.Cut(route, " ")
		r := httptest.NewRequest(method, path, nil)
		r.Header.Set("Authorization", "Bearer "+s.User)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s → %d %s", route, w.Code, w.Body)
		}
	}
}

func TestOrigin(t *testing.T) {
	s := apistack.New(t)
	for name, tc := range map[string]struct {
		hosts        []string
		host, origin string
		ok           bool
	}{
		"any host":                  {nil, "errand.example", "", true},
		"its own page":              {nil, "errand.example:8443", "https://errand.example:8443", true},
		"its own page, port 443":    {nil, "errand.example", "https://errand.example:443", true},
		"its own page, port 80":     {nil, "errand.example:80", "http://errand.example", true},
		"another port":              {nil, "127.0.0.1:8080", "http://127.0.0.1:3000", false},
		"another site":              {nil, "127.0.0.1:8080", "https://evil.example", false},
		"a name that begins alike":  {nil, "errand.example", "https://errand.example.evil.example", false},
		"an opaque origin":          {nil, "127.0.0.1:8080", "null", false},
		"a host that is allowed":    {[]string{"errand.example"}, "Errand.Example:8080", "", true},
		"allowed with a port":       {[]string{"errand.example:8080"}, "errand.example:9090", "", true},
		"a host that isn't":         {[]string{"errand.example"}, "rebound.example", "", false},
		"loopback by name":          {[]string{"errand.example"}, "localhost:8080", "http://localhost:8080", true},
		"loopback by address":       {[]string{"errand.example"}, "127.0.0.1:8080", "", true},
		"loopback, version 6":       {[]string{"errand.example"}, "[::1]:8080", "http://[::1]:8080", true},
		"a name like loopback":      {[]string{"errand.example"}, "127.0.0.1.evil.example", "", false},
		"no host":                   {[]string{"errand.example"}, "", "", false},
		"a host with a dot at last": {[]string{"errand.example"}, "errand.example.", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			h := apitest.Validate(t, api.NewHandler(s.Service, api.Options{Hosts: tc.hosts}))
			r := httptest.NewRequest("GET", "/api/jobs", nil)
			r.Host = tc.host
			r.Header.Set("Authorization", "Bearer "+s.User)
			if tc.origin != "" {
				r.Header.Set("Origin", tc.origin)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if ok := w.Code == http.StatusOK; ok != tc.ok || !ok && !strings.Contains(w.Body.String(), string(errand.CodeOriginDenied)) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
}

// TestCallerOrigin: what is signed is signed for the address that the caller used.
func TestCallerOrigin(t *testing.T) {
	s := apistack.New(t)
	upload := `{"filename":"a.zip","size":3,"sha256":"` + strings.Repeat("a", 64) + `"}`
	for proto, want := range map[string]string{"": "http://errand.example:81/", "https": "https://errand.example:81/", "HTTPS": "https://errand.example:81/", "ftp": "http://errand.example:81/"} {
		got := send(t, s, s.User, "POST", "/api/uploads", upload, "Host", "errand.example:81", "X-Forwarded-Proto", proto)
		if !strings.Contains(string(got.body), want) {
			t.Errorf("X-Forwarded-Proto %q: %s", proto, got.body)
		}
	}
}

func TestRequestID(t *testing.T) {
	s := apistack.New(t)
	id := func(f func(*http.Request) string) string {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/nowhere", nil)
		r.Header.Set("X-Request-Id", "chosen by a stranger")
		api.NewHandler(s.Service, api.Options{RequestID: f}).ServeHTTP(w, r)
		return w.Header().Get("X-Request-Id")
	}
	if got := id(func(*http.Request) string { return "gateway-1" }); got != "gateway-1" {
		t.Errorf("the platform's ID: %q", got)
	}
	made := id(func(*http.Request) string { return "" })
	if made == "" || made == id(nil) || strings.Contains(made, "stranger") {
		t.Errorf("a made ID: %q", made)
	}
}

// brokenList is a store that can't list jobs.
type brokenList struct {
	control.Store
	err error
}

func (b brokenList) Jobs(context.Context, control.JobFilter) (control.JobPage, error) {
	return control.JobPage{}, b.err
}

// TestFailures: causes are logged under the request's ID, and never sent.
func TestFailures(t *testing.T) {
	var log bytes.Buffer
	s := apistack.New(t)
	endpoints := append(api.Endpoints(), api.PanicEndpoint)
	h := api.NewHandler(s.Service, api.Options{Log: slog.New(slog.NewTextHandler(&log, nil))}, endpoints...)
	get := func(path string) *httptest.ResponseRecorder {
		log.Reset()
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Authorization", "Bearer "+s.User)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if body := w.Body.String(); strings.Contains(body, "secret cause") || !strings.Contains(body, w.Header().Get("X-Request-Id")) {
			t.Errorf("%s: %s", path, body)
		}
		if line := log.String(); !strings.Contains(line, "secret cause") || !strings.Contains(line, w.Header().Get("X-Request-Id")) || strings.Contains(line, s.User) {
			t.Errorf("%s is logged as %s", path, line)
		}
		return w
	}
	if w := get("/api/panic"); w.Code != http.StatusInternalServerError || !strings.Contains(log.String(), "export_test.go") {
		t.Errorf("a panic: %d %s, logged %s", w.Code, w.Body, &log)
	}
	store := s.Service.Store
	s.Service.Store = brokenList{store, errors.New("a secret cause")}
	if w := get("/api/jobs"); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("a failing store: %d %v", w.Code, w.Header())
	}
	s.Service.Store = brokenList{store, &errand.Error{Code: errand.CodeRateLimited, Message: "slow down", Cause: errors.New("a secret cause")}}
	if w := get("/api/jobs"); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
		t.Errorf("too many requests: %d %v", w.Code, w.Header())
	}
}
