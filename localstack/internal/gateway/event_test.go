package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/errandhq/errand/internal/clock"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// fake is an Invoker that keeps the last event and returns what the test sets.
type fake struct {
	function string
	event    []byte
	answer   string
	failed   bool
	err      error
	do       func(ctx context.Context) error
}

func (f *fake) Invoke(ctx context.Context, function string, event []byte) ([]byte, bool, error) {
	f.function, f.event = function, event
	if f.do != nil {
		return nil, false, f.do(ctx)
	}
	return []byte(f.answer), f.failed, f.err
}

func newGateway(t *testing.T, f *fake, change ...func(*Config)) *Gateway {
	t.Helper()
	if f.answer == "" {
		f.answer = `{"statusCode":204}`
	}
	c := Config{
		APIID: "a1b2c3d4e5", Region: "eu-west-1", Account: "000000000000", Invoker: f, Logf: t.Logf,
		Clock:  clock.NewManual(time.Date(2026, 11, 24, 3, 4, 5, 678e6, time.UTC)),
		Routes: []Route{{Method: "ANY", Path: "/{proxy+}", Function: "all"}, {Method: "POST", Path: "/jobs/{id}", Function: "job"}},
	}
	for _, ch := range change {
		ch(&c)
	}
	g, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func serve(g *Gateway, r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w.Result()
}

// TestEventGolden: whole events as API Gateway documents them.
func TestEventGolden(t *testing.T) {
	tests := []struct {
		name string
		make func() *http.Request
	}{
		{"post-json", func() *http.Request {
			r := httptest.NewRequest("POST", "/jobs/a%20b?x=1&x=2&y=%C3%A4&flag", strings.NewReader(`{"a":"ä"}`))
			r.Header.Set("Content-Type", "application/json; charset=utf-8")
			r.Header.Set("X-Amzn-Trace-Id", "Root=1-2-3")
			r.Header.Add("X-Many", "one")
			r.Header.Add("X-Many", "two")
			r.Header.Add("Cookie", "a=1; b=2")
			r.Header.Add("Cookie", "c=3")
			r.Header.Set("User-Agent", "curl/8")
			r.Header.Set("X-Forwarded-For", "203.0.113.9")
			return r
		}},
		{"get-bare", func() *http.Request {
			r := httptest.NewRequest("GET", "http://localhost:8080/", nil)
			r.URL.Path, r.RequestURI = "/x", "/x"
			r.Header.Set("X-Amzn-Trace-Id", "Root=1-2-3")
			return r
		}},
		{"put-binary", func() *http.Request {
			r := httptest.NewRequest("PUT", "https://api.example/deep/er", strings.NewReader("\x00\xff"))
			r.Header.Set("Content-Type", "application/octet-stream")
			r.Header.Set("X-Amzn-Trace-Id", "Root=1-2-3")
			return r
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &fake{}
			resp := serve(newGateway(t, f), tt.make())
			var got map[string]any
			if err := json.Unmarshal(f.event, &got); err != nil {
				t.Fatal(err)
			}
			rc := got["requestContext"].(map[string]any)
			if id := rc["requestId"]; id != resp.Header.Get("Apigw-Requestid") || len(id.(string)) != 16 {
				t.Errorf("request ID %v, header %v", id, resp.Header)
			}
			rc["requestId"] = "REQUEST-ID"
			compareGolden(t, tt.name, got)

			var typed events.APIGatewayV2HTTPRequest
			if err := json.Unmarshal(f.event, &typed); err != nil || typed.RequestContext.HTTP.Method != tt.make().Method {
				t.Errorf("as aws-lambda-go reads it: %+v, %v", typed.RequestContext, err)
			}
		})
	}
}

func compareGolden(t *testing.T, name string, got map[string]any) {
	t.Helper()
	file := filepath.Join("testdata", name+".json")
	if *update {
		b, _ := json.MarshalIndent(got, "", "  ")
		if err := os.WriteFile(file, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]any
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestBodyEncoding: AWS-FACTS 27.
func TestBodyEncoding(t *testing.T) {
	for _, tt := range []struct {
		contentType, body string
		want              bool
	}{
		{"application/json", "{}", false},
		{"text/plain", "x", false},
		{"text/html; charset=utf-8", "x", false},
		{"application/xml", "x", false},
		{"application/javascript", "x", false},
		{"", "x", true},
		{"application/x-www-form-urlencoded", "a=b", true},
		{"application/problem+json", "{}", true},
		{"application/octet-stream", "x", true},
		{"text/plain", "\xff", true},
		{"application/octet-stream", "", false},
	} {
		r := httptest.NewRequest("POST", "/x", strings.NewReader(tt.body))
		if tt.contentType != "" {
			r.Header.Set("Content-Type", tt.contentType)
		}
		f := &fake{}
		serve(newGateway(t, f), r)
		var e struct {
			Body            string
			IsBase64Encoded bool
		}
		if err := json.Unmarshal(f.event, &e); err != nil {
			t.Fatal(err)
		}
		if e.IsBase64Encoded != tt.want || !tt.want && e.Body != tt.body {
			t.Errorf("%q %q: base64 %v, body %q", tt.contentType, tt.body, e.IsBase64Encoded, e.Body)
		}
	}
}

// TestRoutes: the most specific route wins, whatever the order of declaration.
func TestRoutes(t *testing.T) {
	keys := []string{
		"$default", "ANY /{proxy+}", "GET /pets/{proxy+}", "GET /pets/dog/{id}", "GET /pets/dog/1", "ANY /pets/dog/1",
		"POST /jobs", "PUT /a/{x}/c", "GET /files/{path+}",
	}
	f := &fake{}
	g := newGateway(t, f, func(c *Config) {
		c.Routes = nil
		for _, k := range keys {
			method, path, ok := strings.Cut(k, " ")
			if !ok {
				method, path = "", k
			}
			c.Routes = append(c.Routes, Route{Method: method, Path: path, Function: k})
		}
	})
	for _, tt := range []struct{ method, path, want, params string }{
		{"GET", "/pets/dog/1", "GET /pets/dog/1", "null"},
		{"POST", "/pets/dog/1", "ANY /pets/dog/1", "null"},
		{"GET", "/pets/dog/2", "GET /pets/dog/{id}", `{"id":"2"}`},
		{"GET", "/pets/cat/1", "GET /pets/{proxy+}", `{"proxy":"cat/1"}`},
		{"POST", "/pets/cat", "ANY /{proxy+}", `{"proxy":"pets/cat"}`},
		{"POST", "/test/5", "ANY /{proxy+}", `{"proxy":"test/5"}`},
		{"POST", "/jobs", "POST /jobs", "null"},
		{"GET", "/jobs", "ANY /{proxy+}", `{"proxy":"jobs"}`},
		{"PUT", "/a/b%20d/c", "PUT /a/{x}/c", `{"x":"b d"}`},
		{"PUT", "/a/b%2Fd/c", "ANY /{proxy+}", `{"proxy":"a/b/d/c"}`},
		{"GET", "/files/a%20b/c", "GET /files/{path+}", `{"path":"a b/c"}`},
		{"GET", "/", "$default", "null"},
	} {
		r := httptest.NewRequest(tt.method, tt.path, nil)
		if key := g.RouteKey(r); key != tt.want {
			t.Errorf("%s %s: RouteKey %q, want %q", tt.method, tt.path, key, tt.want)
		}
		serve(g, r)
		var e struct {
			RouteKey       string
			PathParameters json.RawMessage
		}
		if err := json.Unmarshal(f.event, &e); err != nil {
			t.Fatal(err)
		}
		params := "null"
		if e.PathParameters != nil {
			params = string(e.PathParameters)
		}
		if f.function != tt.want || e.RouteKey != tt.want || params != tt.params {
			t.Errorf("%s %s → %s %s (key %s), want %s %s", tt.method, tt.path, f.function, params, e.RouteKey, tt.want, tt.params)
		}
	}
	for _, bad := range []string{"jobs", "/{x", "/{}", "/{x+}/y"} {
		if _, err := New(Config{Routes: []Route{{Method: "GET", Path: bad}}}); err == nil {
			t.Errorf("path %q was accepted", bad)
		}
	}
}

func TestNoRoute(t *testing.T) {
	g := newGateway(t, &fake{}, func(c *Config) { c.Routes = []Route{{Method: "GET", Path: "/a"}} })
	for _, r := range []*http.Request{httptest.NewRequest("POST", "/a", nil), httptest.NewRequest("GET", "/a/", nil), httptest.NewRequest("GET", "/b", nil)} {
		if g.Handles(r) {
			t.Errorf("%s %s is handled", r.Method, r.URL)
		}
		checkMessage(t, serve(g, r), 404, "Not Found")
	}
	if !g.Handles(httptest.NewRequest("GET", "/a", nil)) {
		t.Error("GET /a is not handled")
	}
}

var errOther = errors.New("the cause, which stays inside")
