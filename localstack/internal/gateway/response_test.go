package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func checkMessage(t *testing.T, resp *http.Response, status int, message string) {
	t.Helper()
	body, _ := io.ReadAll(resp.Body)
	want := `{"message":"` + message + `"}`
	if resp.StatusCode != status || string(body) != want || resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%d %s %s, want %d %s", resp.StatusCode, resp.Header.Get("Content-Type"), body, status, want)
	}
}

// TestInference: the response for each output.
func TestInference(t *testing.T) {
	const plain, jsonType = "text/plain; charset=utf-8", "application/json"
	for _, tt := range []struct {
		answer      string
		status      int
		contentType string
		body        string
	}{
		{`{"statusCode":201,"headers":{"Content-Type":"text/css"},"body":"a{}"}`, 201, "text/css", "a{}"},
		{`{"statusCode":200,"body":"aGk=","isBase64Encoded":true}`, 200, plain, "hi"},
		{`{"statusCode":200}`, 200, plain, ""},
		{`{"statusCode":200,"body":null,"headers":null,"cookies":null}`, 200, plain, ""},
		{`{"statusCode":204,"body":"dropped"}`, 204, "", ""},
		{`{"hello":"world"}`, 200, jsonType, `{"hello":"world"}`},
		{`{"body":"no status, so no response"}`, 200, jsonType, `{"body":"no status, so no response"}`},
		{`"text"`, 200, jsonType, "text"},
		{`[1,2]`, 200, jsonType, "[1,2]"},
		{`null`, 200, jsonType, "null"},
		{`7`, 200, jsonType, "7"},
		{` {"statusCode": 202} `, 202, plain, ""},
	} {
		resp := serve(newGateway(t, &fake{answer: tt.answer}), httptest.NewRequest("GET", "/x", nil))
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != tt.status || string(body) != tt.body || resp.Header.Get("Content-Type") != tt.contentType {
			t.Errorf("%s → %d %q %q, want %d %q %q", tt.answer, resp.StatusCode, resp.Header.Get("Content-Type"), body, tt.status, tt.contentType, tt.body)
		}
	}
	for _, bad := range []string{
		``, `{`, `{"statusCode":"ok"}`, `{"statusCode":99}`, `{"statusCode":null}`, `{"statusCode":200,"body":{}}`,
		`{"statusCode":200,"body":"%","isBase64Encoded":true}`, `{"statusCode":200,"headers":{"a":[]}}`, `{"statusCode":200,"cookies":"a=b"}`,
	} {
		f := &fake{}
		g := newGateway(t, f)
		f.answer = bad
		checkMessage(t, serve(g, httptest.NewRequest("GET", "/x", nil)), 500, "Internal Server Error")
	}
}

func TestResponseHeaders(t *testing.T) {
	f := &fake{answer: `{"statusCode":200,"headers":{"X-One":"1","X-Number":2,"X-Bool":true,"Content-Length":"999","Connection":"close","Transfer-Encoding":"chunked"},"cookies":["a=1; Path=/","b=2"],"body":"ok"}`}
	resp := serve(newGateway(t, f), httptest.NewRequest("GET", "/x", nil))
	h := resp.Header
	if h.Get("X-One") != "1" || h.Get("X-Number") != "2" || h.Get("X-Bool") != "true" {
		t.Errorf("headers %v", h)
	}
	if h.Get("Content-Length") != "2" || h.Get("Connection") != "" || h.Get("Transfer-Encoding") != "" {
		t.Errorf("headers of the connection: %v", h)
	}
	if c := h.Values("Set-Cookie"); len(c) != 2 || c[0] != "a=1; Path=/" || c[1] != "b=2" {
		t.Errorf("cookies %q", c)
	}
}

func TestLimits(t *testing.T) {
	f := &fake{}
	g := newGateway(t, f)
	big := func(n int) io.Reader { return strings.NewReader(strings.Repeat("x", n)) }
	checkMessage(t, serve(g, httptest.NewRequest("POST", "/x", big(MaxBodyBytes+1))), 413, "Request Entity Too Large")
	if f.event != nil {
		t.Error("a function was invoked with a body over the limit")
	}
	if resp := serve(g, httptest.NewRequest("POST", "/x", big(MaxBodyBytes))); resp.StatusCode != 204 {
		t.Errorf("a body of the largest size: %d", resp.StatusCode)
	}
	// "GET /x HTTP/1.1\r\nHost: example.com\r\n" and "A: …\r\n" make up the rest.
	rest := len("GET /x HTTP/1.1\r\nHost: example.com\r\nA: \r\n")
	for _, tt := range []struct{ size, status int }{{MaxHeaderBytes, 204}, {MaxHeaderBytes + 1, 431}} {
		r := httptest.NewRequest("GET", "/x", nil)
		r.Header.Set("A", strings.Repeat("x", tt.size-rest))
		if resp := serve(g, r); resp.StatusCode != tt.status {
			t.Errorf("%d bytes of headers: %d, want %d", tt.size, resp.StatusCode, tt.status)
		}
	}
}

func TestInvokerErrors(t *testing.T) {
	for _, tt := range []struct {
		f       fake
		status  int
		message string
	}{
		{fake{answer: `{"errorMessage":"secret"}`, failed: true}, 500, "Internal Server Error"},
		{fake{err: errOther}, 500, "Internal Server Error"},
		{fake{err: fmt.Errorf("x: %w", ErrTooLarge)}, 413, "Request Entity Too Large"},
	} {
		checkMessage(t, serve(newGateway(t, &tt.f), httptest.NewRequest("GET", "/x", nil)), tt.status, tt.message)
	}
}

// TestTimeout: 503 after the route's timeout. The invocation's context ends by its
// deadline then, and is cancelled if the client goes away.
func TestTimeout(t *testing.T) {
	for _, tt := range []struct{ route, config, want time.Duration }{
		{0, 0, 30 * time.Second}, {5 * time.Second, 0, 5 * time.Second}, {5 * time.Second, time.Second, time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{do: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
			g := newGateway(t, f, func(c *Config) {
				c.Timeout = tt.config
				c.Routes = []Route{{Method: "GET", Path: "/x", Timeout: tt.route}}
			})
			start := time.Now()
			checkMessage(t, serve(g, httptest.NewRequest("GET", "/x", nil)), 503, "Service Unavailable")
			if d := time.Since(start); d != tt.want {
				t.Errorf("after %s, want %s", d, tt.want)
			}
		})
	}
}

func TestClientGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var saw error
		g := newGateway(t, &fake{do: func(ctx context.Context) error { <-ctx.Done(); saw = ctx.Err(); return saw }})
		// A deadline of the client's own counts as going away, not as the
		// integration's timeout.
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		serve(g, httptest.NewRequest("GET", "/x", nil).WithContext(ctx))
		if saw != context.Canceled {
			t.Errorf("the invocation saw %v, want Canceled", saw)
		}
	})
}

// TestServerEnds: a request that the server ends is answered with 503, and not with an empty
// 200.
func TestServerEnds(t *testing.T) {
	ctx, end := context.WithCancelCause(t.Context())
	end(errors.New("the server ends"))
	waits := func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) }
	checkMessage(t, serve(newGateway(t, &fake{do: waits}), httptest.NewRequest("GET", "/x", nil).WithContext(ctx)), 503, "Service Unavailable")
	service := serviceGateway(t, &fakeService{err: context.Canceled}, nil)
	checkMessage(t, serve(service, httptest.NewRequest("POST", "/q/x", nil).WithContext(ctx)), 503, "Service Unavailable")
}

func TestCORS(t *testing.T) {
	f := &fake{answer: `{"statusCode":200,"headers":{"Access-Control-Allow-Origin":"evil","X-Own":"1","Vary":"Accept"}}`}
	g := newGateway(t, f, func(c *Config) {
		c.CORS = &CORS{
			AllowOrigins: []string{"https://a.example", "http://*"}, AllowMethods: []string{"GET", "POST"},
			AllowHeaders: []string{"authorization"}, ExposeHeaders: []string{"x-own"}, MaxAge: time.Minute, AllowCredentials: true,
		}
	})
	request := func(method, origin, wants string) *http.Response {
		r := httptest.NewRequest(method, "/x", nil)
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		if wants != "" {
			r.Header.Set("Access-Control-Request-Method", wants)
		}
		return serve(g, r)
	}
	pre := request("OPTIONS", "https://a.example", "POST")
	for k, want := range map[string]string{
		"Access-Control-Allow-Origin": "https://a.example", "Access-Control-Allow-Methods": "GET,POST", "Vary": "Origin",
		"Access-Control-Allow-Headers": "authorization", "Access-Control-Max-Age": "60", "Access-Control-Allow-Credentials": "true",
	} {
		if got := pre.Header.Get(k); got != want {
			t.Errorf("preflight: %s: %q, want %q", k, got, want)
		}
	}
	if pre.StatusCode != 204 || f.event != nil {
		t.Errorf("preflight: %d, invoked: %v", pre.StatusCode, f.event != nil)
	}
	if h := request("OPTIONS", "https://b.example", "POST").Header; h.Get("Access-Control-Allow-Origin") != "" || h.Get("Access-Control-Allow-Methods") != "" {
		t.Errorf("preflight of a stranger: %v", h)
	}
	got := request("GET", "http://any.example", "")
	if h := got.Header; h.Get("Access-Control-Allow-Origin") != "http://any.example" || h.Get("Access-Control-Expose-Headers") != "x-own" || h.Get("X-Own") != "1" || len(h.Values("Vary")) != 2 {
		t.Errorf("request: %v", h)
	}
	if h := request("GET", "", "").Header; h.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("request without an origin: %v", h)
	}
	if request("OPTIONS", "", ""); !strings.Contains(string(f.event), `"OPTIONS"`) {
		t.Error("an OPTIONS that is no preflight didn't reach the function")
	}
}
