package lambdahttp_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/go-cmp/cmp"

	"github.com/errandhq/errand/internal/lambdahttp"
)

// invoke sends the event as JSON through a handler, as the runtime does.
func invoke(t *testing.T, h http.HandlerFunc, e events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	t.Helper()
	in, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	ctx := lambdacontext.NewContext(context.Background(), &lambdacontext.LambdaContext{AwsRequestID: "invocation-1"})
	out, err := lambdahttp.Handler(h).Invoke(ctx, in)
	if err != nil {
		return events.APIGatewayV2HTTPResponse{}, err
	}
	var resp events.APIGatewayV2HTTPResponse
	if err := json.Unmarshal(out, &resp); err != nil {
		t.Fatalf("answer %s: %v", out, err)
	}
	return resp, nil
}

func event(method, path, query string) events.APIGatewayV2HTTPRequest {
	e := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: "$default", RawPath: path, RawQueryString: query,
		Headers: map[string]string{"host": "127.0.0.1:8080", "x-forwarded-proto": "http"},
	}
	e.RequestContext.Stage = "$default"
	e.RequestContext.DomainName = "abc.execute-api.eu-west-1.amazonaws.com"
	e.RequestContext.RequestID = "gateway-1"
	e.RequestContext.HTTP.Method, e.RequestContext.HTTP.Path = method, path
	return e
}

func ok(http.ResponseWriter, *http.Request) {}

func TestRequest(t *testing.T) {
	type seen struct {
		Method, Scheme, Host, Path, Query, Cookie, Body, ID string
		Accept                                              []string
		HostHeader                                          string
	}
	var got seen
	h := func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		var cookies string
		for _, c := range r.Cookies() {
			cookies += c.Name + "=" + c.Value + ";"
		}
		got = seen{
			r.Method, r.URL.Scheme, r.Host, r.URL.Path, r.URL.RawQuery, cookies, string(b),
			lambdahttp.RequestID(r.Context()), r.Header.Values("Accept"), r.Header.Get("Host"),
		}
		w.WriteHeader(http.StatusNoContent)
	}
	base := seen{Method: "POST", Scheme: "http", Host: "127.0.0.1:8080", Path: "/api/x", ID: "gateway-1"}
	for name, tc := range map[string]struct {
		change func(*events.APIGatewayV2HTTPRequest)
		want   func(*seen)
	}{
		"plain body": {
			func(e *events.APIGatewayV2HTTPRequest) { e.Body = `{"a":"é"}` },
			func(s *seen) { s.Body = `{"a":"é"}` },
		},
		"base64 body": {
			func(e *events.APIGatewayV2HTTPRequest) {
				e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte("\xff\x00a")), true
			},
			func(s *seen) { s.Body = "\xff\x00a" },
		},
		"query as it was written, repeated values too": {
			func(e *events.APIGatewayV2HTTPRequest) {
				e.RawQueryString = "a=1&a=2&b=x%2Cy"
				e.QueryStringParameters = map[string]string{"a": "1,2", "b": "x,y"}
			},
			func(s *seen) { s.Query = "a=1&a=2&b=x%2Cy" },
		},
		"cookies and joined headers": {
			func(e *events.APIGatewayV2HTTPRequest) {
				e.Cookies = []string{"a=1", "b=2"}
				e.Headers["accept"] = "text/html, application/json"
			},
			func(s *seen) { s.Cookie, s.Accept = "a=1;b=2;", []string{"text/html", "application/json"} },
		},
		"https": {
			func(e *events.APIGatewayV2HTTPRequest) { e.Headers["x-forwarded-proto"] = "https" },
			func(s *seen) { s.Scheme = "https" },
		},
		"no host header: the API's domain, which is https": {
			func(e *events.APIGatewayV2HTTPRequest) { e.Headers = nil },
			func(s *seen) { s.Scheme, s.Host = "https", "abc.execute-api.eu-west-1.amazonaws.com" },
		},
		"named stage": {
			func(e *events.APIGatewayV2HTTPRequest) { e.RequestContext.Stage, e.RawPath = "prod", "/prod/api/x" },
			func(*seen) {},
		},
		"a path that only begins like the stage": {
			func(e *events.APIGatewayV2HTTPRequest) { e.RequestContext.Stage, e.RawPath = "api", "/apiary" },
			func(s *seen) { s.Path = "/apiary" },
		},
		"a decoded path that isn't a URL's": {
			func(e *events.APIGatewayV2HTTPRequest) { e.RawPath = "/api/50% off?" },
			func(s *seen) { s.Path = "/api/50% off?" },
		},
		"a decoded path that looks encoded": {
			func(e *events.APIGatewayV2HTTPRequest) { e.RawPath = "/api/%78" },
			func(s *seen) { s.Path = "/api/%78" },
		},
		"no gateway ID: the invocation's": {
			func(e *events.APIGatewayV2HTTPRequest) { e.RequestContext.RequestID = "" },
			func(s *seen) { s.ID = "invocation-1" },
		},
	} {
		t.Run(name, func(t *testing.T) {
			e, want := event("POST", "/api/x", ""), base
			tc.change(&e)
			tc.want(&want)
			resp, err := invoke(t, h, e)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != http.StatusNoContent {
				t.Errorf("status %d", resp.StatusCode)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

func TestResponse(t *testing.T) {
	for name, body := range map[string]string{"text": "grüße", "binary": "\xff\xfe\x00", "empty": ""} {
		t.Run(name, func(t *testing.T) {
			resp, err := invoke(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Add("Vary", "Accept")
				w.Header().Add("Vary", "Origin")
				w.Header().Set("Content-Type", "application/json")
				http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"})
				http.SetCookie(w, &http.Cookie{Name: "b", Value: "2"})
				w.WriteHeader(http.StatusTeapot)
				_, _ = io.WriteString(w, body)
			}, event("GET", "/", ""))
			if err != nil {
				t.Fatal(err)
			}
			got := resp.Body
			if resp.IsBase64Encoded {
				b, err := base64.StdEncoding.DecodeString(got)
				if err != nil {
					t.Fatal(err)
				}
				got = string(b)
			}
			if got != body || resp.IsBase64Encoded != (name == "binary") || resp.StatusCode != http.StatusTeapot {
				t.Errorf("%d %q, base64 %v", resp.StatusCode, got, resp.IsBase64Encoded)
			}
			if diff := cmp.Diff([]string{"a=1", "b=2"}, resp.Cookies); diff != "" {
				t.Error(diff)
			}
			if resp.Headers["Vary"] != "Accept,Origin" || resp.Headers["Content-Type"] != "application/json" {
				t.Errorf("headers %v", resp.Headers)
			}
		})
	}
}

func TestBadEvents(t *testing.T) {
	bad := event("POST", "/", "")
	bad.Body, bad.IsBase64Encoded = "%%%", true
	for name, e := range map[string]events.APIGatewayV2HTTPRequest{"not an HTTP event": {}, "bad base64": bad} {
		if resp, err := invoke(t, ok, e); err == nil {
			t.Errorf("%s: answered %+v", name, resp)
		}
	}
}

// FuzzPath: no path of a stranger makes the function fail.
func FuzzPath(f *testing.F) {
	for _, p := range []string{"/a", "//a", "/%zz", "/a?b#c", "/ü \x00", "", "a:b"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p string) {
		resp, err := invoke(t, func(w http.ResponseWriter, r *http.Request) {
			if _, err := url.Parse(r.URL.String()); err != nil {
				t.Error(err)
			}
			w.WriteHeader(http.StatusOK)
		}, event("GET", p, ""))
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("%q: %v, %+v", p, err, resp)
		}
	})
}

// TestAnswerJSON: the answer has the members that lambda.NewHandler writes, and a
// header that isn't UTF-8 does not fail it.
func TestAnswerJSON(t *testing.T) {
	in, err := json.Marshal(event("GET", "/", ""))
	if err != nil {
		t.Fatal(err)
	}
	for header, want := range map[string]string{"<a>": "<a>", "a\xff": "a\ufffd"} {
		h := lambdahttp.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-A", header)
			w.WriteHeader(http.StatusOK)
		}))
		out, err := h.Invoke(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatal(err)
		}
		wanted := map[string]any{
			"statusCode": 200.0, "headers": map[string]any{"X-A": want}, "multiValueHeaders": nil,
			"body": "", "isBase64Encoded": false, "cookies": []any{},
		}
		if diff := cmp.Diff(wanted, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
