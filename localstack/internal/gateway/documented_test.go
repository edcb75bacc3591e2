package gateway

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/errandhq/errand/internal/clock"
	"github.com/google/go-cmp/cmp"
)

// notHere are the members of the documentation's example that this gateway doesn't
// support, with the reason.
var notHere = map[string]string{
	"stageVariables":                "stages have no variables here",
	"pathParameters":                "the example's route is $default, which has no path variables",
	"requestContext.authentication": "mutual TLS is not supported",
	"requestContext.authorizer":     "routes with authorizers are not supported",
}

// added are the headers that API Gateway adds and the documentation's example leaves
// out, as recorded from AWS in aws-lambda-go's
// events/testdata/apigw-v2-request-no-authorizer.json.
var added = []string{"content-length", "host", "x-amzn-trace-id", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto"}

// TestDocumentedEvent: the request of the documentation's example produces the
// example's event, except for notHere and added.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
func TestDocumentedEvent(t *testing.T) {
	at := time.Date(2020, 3, 12, 19, 3, 58, 390e6, time.UTC)
	f := &fake{}
	g := newGateway(t, f, func(c *Config) {
		c.APIID, c.Region, c.Account, c.Routes = "api-id", "us-east-1", "123456789012", []Route{{Path: "$default", Function: "f"}}
		c.Clock = clock.NewManual(at)
	})
	r := httptest.NewRequest("POST", "https://id.execute-api.us-east-1.amazonaws.com/my/path?parameter1=value1&parameter1=value2&parameter2=value", strings.NewReader("Hello from Lambda"))
	r.RemoteAddr = "198.51.100.7:1234"
	r.Header = map[string][]string{
		"Header1": {"value1"}, "Header2": {"value1", "value2"}, "Cookie": {"cookie1; cookie2"}, "User-Agent": {"agent"}, "Content-Type": {"text/plain"},
	}
	serve(g, r)

	want, got := documented(t), map[string]any{}
	if err := json.Unmarshal(f.event, &got); err != nil {
		t.Fatal(err)
	}
	// What the example has placeholders for, and what it leaves out.
	context, wantContext := got["requestContext"].(map[string]any), want["requestContext"].(map[string]any)
	wantContext["requestId"], wantContext["timeEpoch"] = context["requestId"], float64(at.UnixMilli())
	wantContext["domainName"], wantContext["domainPrefix"] = "api-id.execute-api.us-east-1.amazonaws.com", "api-id"
	wantContext["http"].(map[string]any)["sourceIp"] = "198.51.100.7"
	headers := got["headers"].(map[string]any)
	for _, name := range added {
		if headers[name] == nil {
			t.Errorf("there is no header %s", name)
		}
		delete(headers, name)
	}
	maps.Copy(want["headers"].(map[string]any), map[string]any{"content-type": "text/plain", "user-agent": "agent"})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-documented +got)\n%s", diff)
	}
}

// documented returns the documentation's example without notHere.
func documented(t *testing.T) map[string]any {
	t.Helper()
	b, err := os.ReadFile("testdata/documented.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]any
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	for path := range notHere {
		parent, name := want, path
		if before, after, ok := strings.Cut(path, "."); ok {
			parent, name = want[before].(map[string]any), after
		}
		if parent[name] == nil {
			t.Errorf("the example has no %s", path)
		}
		delete(parent, name)
	}
	return want
}

// TestRecordedQuery: a query as recorded from AWS in hotsock/voker's
// vokerhttp/testdata/apigwv2-request.json: raw as sent; decoded by name, with a
// literal + as a space.
func TestRecordedQuery(t *testing.T) {
	f := &fake{}
	const query = "again=1&again=2&url=https%3A%2F%2Fexample.com%2Fx&plus=a+b&encoded=a%2Bb&empty="
	serve(newGateway(t, f), httptest.NewRequest("GET", "/x?"+query, nil))
	var e struct {
		RawQueryString        string
		QueryStringParameters map[string]string
		Headers               map[string]string
	}
	if err := json.Unmarshal(f.event, &e); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"again": "1,2", "url": "https://example.com/x", "plus": "a b", "encoded": "a+b", "empty": ""}
	if diff := cmp.Diff(want, e.QueryStringParameters); diff != "" || e.RawQueryString != query {
		t.Errorf("raw %q, (-want +got)\n%s", e.RawQueryString, diff)
	}
	if e.Headers["content-length"] != "0" {
		t.Errorf("headers %v: a request without a body has a content-length of 0", e.Headers)
	}
}

// TestRecordedPaths: paths as recorded from AWS; see pathOf.
func TestRecordedPaths(t *testing.T) {
	for sent, want := range map[string]string{
		"/a/plain":                     "/a/plain",
		"/a/trailing/":                 "/a/trailing/",
		"/a/space%20value":             "/a/space value",
		"/a/question%3Fvalue":          "/a/question",
		"/a/hash%23value":              "/a/hash#value",
		"/a/slash%2Fvalue":             "/a/slash/value",
		"/a/%CE%BB-%E4%B8%96":          "/a/λ-世",
		"/a/literal%252Fvalue":         "/a/literal/value",
		"/a/literal%253Fvalue":         "/a/literal?value",
		"/a/literal%2525value":         "/a/literal%value",
		"/a/percent%25done":            "", // refused
		"/a/plus+and%2Bcommas,;=@:!$&": "/a/plus+and+commas,;=@:!$&",
	} {
		f := &fake{}
		resp := serve(newGateway(t, f), httptest.NewRequest("GET", sent, nil))
		if want == "" {
			checkMessage(t, resp, 400, "Bad Request")
			continue
		}
		var e struct {
			RawPath        string
			RequestContext struct{ HTTP struct{ Path string } }
		}
		if err := json.Unmarshal(f.event, &e); err != nil {
			t.Fatal(fmt.Errorf("%s: %w", sent, err))
		}
		if e.RawPath != want || e.RequestContext.HTTP.Path != want {
			t.Errorf("%s became %q and %q, want %q", sent, e.RawPath, e.RequestContext.HTTP.Path, want)
		}
	}
}
