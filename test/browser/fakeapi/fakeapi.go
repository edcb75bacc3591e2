// Package fakeapi is a control plane in memory whose jobs are a script: for
// tests of the page that need an outage, a lost token, or a job that waits for
// the test. It speaks the wire types of internal/api and checks what it gets
// against errand's own rules, so that the page can't drift from either.
package fakeapi

import (
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
)

// Fake serves the API below /api/, an object store below /bucket/, and below
// /fake/ what a test changes:
//
//	POST /fake/release?jobId=ID   a job that stands at "hold" goes on
//	POST /fake/outage?answers=N   the next N answers with logs are 503, those that are waited for too
//	POST /fake/revoke             the token is not known any more
type Fake struct {
	token string
	now   func() time.Time
	mux   http.ServeMux

	mu      sync.Mutex
	changed chan struct{} // closed and replaced at each change
	revoked bool
	outage  int
	jobs    map[string]*job
	order   []string // job IDs, oldest first
	objects map[string][]byte
}

// New returns a Fake that knows one token.
func New(token string, now func() time.Time) *Fake {
	f := &Fake{token: token, now: now, changed: make(chan struct{}), jobs: map[string]*job{}, objects: map[string][]byte{}}
	f.mux.HandleFunc("POST /api/uploads", f.upload)
	f.mux.HandleFunc("POST /api/execute", f.execute)
	f.mux.HandleFunc("GET /api/jobs", f.list)
	f.mux.HandleFunc("GET /api/jobs/status", f.status)
	f.mux.HandleFunc("GET /api/jobs/logs", f.logs)
	f.mux.HandleFunc("POST /api/jobs/cancel", f.cancel)
	f.mux.HandleFunc("GET /api/workers", f.workers)
	f.mux.HandleFunc("PUT /bucket/", f.put)
	f.mux.HandleFunc("POST /fake/release", f.release)
	f.mux.HandleFunc("POST /fake/outage", f.fail)
	f.mux.HandleFunc("POST /fake/revoke", f.revoke)
	return f
}

// ServeHTTP serves one request.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if len(r.URL.Path) > 4 && r.URL.Path[:5] == "/api/" {
		if err := f.admit(r); err != nil {
			problem(w, err)
			return
		}
	}
	f.mux.ServeHTTP(w, r)
}

func (f *Fake) admit(r *http.Request) *errand.Error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.revoked || r.Header.Get("Authorization") != "Bearer "+f.token:
		return errand.Errorf(errand.CodeUnauthenticated, "the bearer token is not known")
	case r.Header.Get("Cookie") != "":
		return errand.Errorf(errand.CodeForbidden, "the page sent a cookie")
	case !ownOrigin(r):
		return errand.Errorf(errand.CodeOriginDenied, "requests from pages of %q are not allowed", r.Header.Get("Origin"))
	}
	return nil
}

// ownOrigin reports whether a browser says that the request is our page's. Some
// referrer policies would make it say "null".
func ownOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	return origin == "http://"+r.Host || origin == "" && r.Method == http.MethodGet
}

var errOutOfOrder = errand.Errorf(errand.CodeUnavailable, "the fake is out of order")

func (f *Fake) fail(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.outage, _ = strconv.Atoi(r.FormValue("answers"))
	f.wake()
	w.WriteHeader(http.StatusNoContent)
}

func (f *Fake) revoke(w http.ResponseWriter, _ *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.revoked = true
	w.WriteHeader(http.StatusNoContent)
}

func (f *Fake) workers(w http.ResponseWriter, _ *http.Request) {
	seen := f.now().UTC()
	worker := func(name string, status errand.WorkerStatus, online bool, jobs ...string) api.Worker {
		return api.Worker{ID: name + "-0001", Name: name, Status: status, Online: online, Queues: []string{"default"}, Slots: 2, Jobs: jobs, OS: "linux", Arch: "amd64", LastSeen: seen, RegisteredAt: seen}
	}
	answer(w, http.StatusOK, api.WorkerList{Workers: []api.Worker{
		worker("ash", errand.Idle, true), worker("birch", errand.Busy, true, "a job"), worker("cedar", errand.Idle, false),
	}})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the browser may have gone: nothing to do
}

func problem(w http.ResponseWriter, e *errand.Error) {
	status := e.Code.Status()
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(api.Problem{
		Type: "urn:errand:error:" + string(e.Code), Title: http.StatusText(status), Status: status,
		Code: e.Code, Detail: e.Message, Field: e.Field, RequestID: "fake-request",
	})
}

// read decodes a body strictly, as the API does; it has answered if it returns false.
func read(w http.ResponseWriter, r *http.Request, v any) bool {
	if r.Header.Get("Content-Type") != "application/json" {
		problem(w, errand.Errorf(errand.CodeUnsupportedMedia, "Content-Type must be application/json"))
		return false
	}
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		problem(w, errand.Errorf(errand.CodeMalformed, "%v", err))
		return false
	}
	return true
}
