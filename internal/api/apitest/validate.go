package apitest

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// Document reads docs/openapi.yaml, and fails the test if it isn't valid.
func Document(t testing.TB) *openapi3.T {
	t.Helper()
	doc, err := loadDocument()
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

var loadDocument = sync.OnceValues(func() (*openapi3.T, error) {
	root, err := moduleRoot()
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromFile(filepath.Join(root, "docs", "openapi.yaml"))
	if err != nil {
		return nil, err
	}
	return doc, doc.Validate(context.Background())
})

var loadRouter = sync.OnceValues(func() (routers.Router, error) {
	doc, err := loadDocument()
	if err != nil {
		return nil, err
	}
	return gorillamux.NewRouter(doc)
})

// moduleRoot is the folder of go.mod: a test runs in its package's.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", os.ErrNotExist
		}
		dir = parent
	}
}

// Validate passes requests on to next and checks each, and its answer, against
// docs/openapi.yaml: a request that was accepted must be as described, and so
// must every answer be. What breaks it fails the test. Paths outside of /api/
// pass unchecked.
func Validate(t testing.TB, next http.Handler) http.Handler {
	t.Helper()
	v := newValidator(t)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !described(r) {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the caller broke off
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, r)
		v.check(exchange{r, body, rec.Code, rec.Header(), rec.Body.Bytes()})
		maps.Copy(w.Header(), rec.Header())
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
	})
}

// Transport is Validate on the client's side, for a server in another process.
// A nil next is http.DefaultTransport.
func Transport(t testing.TB, next http.RoundTripper) http.RoundTripper {
	t.Helper()
	if next == nil {
		next = http.DefaultTransport
	}
	return &transport{newValidator(t), next}
}

type transport struct {
	*validator
	next http.RoundTripper
}

func (tr *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if !described(r) {
		return tr.next.RoundTrip(r)
	}
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		_ = r.Body.Close()
		r = r.Clone(r.Context()) // a RoundTripper must not change the request
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	resp, err := tr.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(answer))
	tr.check(exchange{r, body, resp.StatusCode, resp.Header, answer})
	return resp, nil
}

// described reports whether the document speaks of the request's path.
func described(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/api/") }

// exchange is a request and its answer.
type exchange struct {
	r      *http.Request
	body   []byte
	status int
	header http.Header
	answer []byte
}

// validator checks exchanges for a test.
type validator struct {
	t      testing.TB
	router routers.Router

	mu   sync.Mutex
	over bool // so is the test: t must not be used
}

func newValidator(t testing.TB) *validator {
	t.Helper()
	router, err := loadRouter()
	if err != nil {
		t.Fatal(err)
	}
	v := &validator{t: t, router: router}
	t.Cleanup(func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.over = true
	})
	return v
}

// check fails the test, if it still runs, for an exchange that isn't as described.
func (v *validator) check(x exchange) {
	err := v.fault(x)
	v.mu.Lock()
	defer v.mu.Unlock()
	if err != nil && !v.over {
		v.t.Errorf("%s %s → %d is not as docs/openapi.yaml describes it: %v\nrequest: %s\nanswer: %s", x.r.Method, x.r.URL, x.status, err, x.body, x.answer)
	}
}

func (v *validator) fault(x exchange) error {
	r := x.r.Clone(x.r.Context())
	r.Body = io.NopCloser(bytes.NewReader(x.body))
	route, pathParams, err := v.router.FindRoute(r)
	if err != nil {
		if x.status == http.StatusNotFound || x.status == http.StatusMethodNotAllowed || x.status == http.StatusForbidden {
			return nil
		}
		return err
	}
	in := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: pathParams, Route: route,
		Options: &openapi3filter.Options{
			IncludeResponseStatus: true, MultiError: true, SkipSettingDefaults: true,
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
		},
	}
	if x.status < 300 {
		if err := openapi3filter.ValidateRequest(r.Context(), in); err != nil {
			return err
		}
	}
	return openapi3filter.ValidateResponse(r.Context(), (&openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: x.status, Header: x.header, Options: in.Options,
	}).SetBodyBytes(x.answer))
}
