package localstack

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	awslambda "github.com/aws/aws-lambda-go/lambda"

	"github.com/errandhq/errand/localstack/internal/engine/enginetest"
)

// TestServerErrorsAreLogged: every 5xx of the edge, of Lambda and of the API
// leaves one line with its cause.
func TestServerErrorsAreLogged(t *testing.T) {
	var log enginetest.Log
	stuck := FunctionCode{New: func(map[string]string) (Handler, error) {
		return awslambda.NewHandler(func(ctx context.Context) { <-ctx.Done() }), nil
	}}
	s := start(t, Config{
		NoAuth: true, Logf: log.Logf, Template: failing("Stuck"), Functions: map[string]FunctionCode{"Stuck": stuck},
		IntegrationTimeout: time.Millisecond,
	})
	invoke := func() *http.Request {
		return httptest.NewRequest("POST", "/2015-03-31/functions/local-Stuck/invocations", strings.NewReader("{}"))
	}
	api := s.API(APIOptions{})
	for _, tt := range []struct {
		name    string
		handler http.Handler
		request *http.Request
		status  int
		cause   string
		before  func()
	}{
		{"unknown service", s.Edge(), signedFor("iam", "Action=ListUsers"), 501, "service iam is not supported: ListUsers", nil},
		{"unknown operation of Lambda", s.Edge(), httptest.NewRequest("GET", "/2015-03-31/functions/", nil), 501, "Invoke is the only operation", nil},
		{"integration timeout", api, httptest.NewRequest("GET", "/Stuck", nil), 503, "didn't respond in time", nil},
		{"Lambda closed", s.Edge(), invoke(), 500, "the stack is closing", s.lambda.Close},
		{"API, Lambda closed", api, httptest.NewRequest("GET", "/Stuck", nil), 500, "the stack is closing", nil},
	} {
		if tt.before != nil {
			tt.before()
		}
		log.Take()
		code, body := get(t, tt.handler, tt.request)
		if lines := log.Take(); code != tt.status || len(lines) != 1 || !strings.Contains(lines[0], tt.cause) {
			t.Errorf("%s: %d %s, logged %q, want %d and one line with %q", tt.name, code, body, lines, tt.status, tt.cause)
		}
	}
}

// TestPanicsAreLogged: the connection ends without a response, and the log has
// the panic and where it was.
func TestPanicsAreLogged(t *testing.T) {
	var log enginetest.Log
	s := start(t, Config{NoAuth: true, Logf: log.Logf, Addr: "127.0.0.1:0"})
	s.handlers["sqs"] = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a bug") })
	fallback := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("another bug") })
	api := httptest.NewServer(s.API(APIOptions{Fallback: fallback}))
	defer api.Close()
	for _, tt := range []struct {
		name   string
		client *http.Client
		url    string
		want   string
	}{
		{"listener", http.DefaultClient, s.Endpoint() + "/?Action=ListQueues", "GET /: panic: a bug\n"},
		{"in process", &http.Client{Transport: s.RoundTripper()}, s.Endpoint() + "/?Action=ListQueues", "GET /: panic: a bug\n"},
		{"API", http.DefaultClient, api.URL + "/page", "GET /page: panic: another bug\n"},
	} {
		resp, err := tt.client.Get(tt.url)
		if err == nil {
			_ = resp.Body.Close()
			t.Errorf("%s: %s, want no response", tt.name, resp.Status)
		}
		if lines := log.Take(); len(lines) != 1 || !strings.HasPrefix(lines[0], tt.want) || !strings.Contains(lines[0], "errorlog_test.go") {
			t.Errorf("%s: logged %q, want one line that begins with %q", tt.name, lines, tt.want)
		}
	}
}
