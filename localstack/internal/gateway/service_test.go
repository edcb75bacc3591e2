package gateway

import (
	"context"
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fakeService keeps the last call and returns what the test sets.
type fakeService struct {
	service, action string
	parameters      map[string]string
	err             error
}

func (f *fakeService) CallService(_ context.Context, service, action string, parameters map[string]string) (ServiceResponse, error) {
	f.service, f.action, f.parameters = service, action, parameters
	return ServiceResponse{Status: 418, ContentType: "text/xml", Body: []byte("<pot/>")}, f.err
}

func serviceGateway(t *testing.T, f *fakeService, parameters map[string]string) *Gateway {
	return newGateway(t, &fake{}, func(c *Config) {
		c.Services = f
		c.Routes = []Route{{Method: "POST", Path: "/q/{name}", Service: &Service{Subtype: "SQS-SendMessage", Parameters: parameters}}}
	})
}

// TestParameterMapping: every kind of expression that a parameter can have.
func TestParameterMapping(t *testing.T) {
	f := &fakeService{}
	g := serviceGateway(t, f, map[string]string{
		"Static": "a$b", "Body": "$request.body", "Member": "$request.body.a.b", "Number": "$request.body.n", "Object": "$request.body.a",
		"Header": "$request.header.X-Name", "Query": "$request.querystring.q", "Path": "$request.path.name", "WholePath": "$request.path",
		"Mixed": "${context.httpMethod} ${request.path.name}!", "Stage": "$context.stage", "Epoch": "$context.requestTimeEpoch",
		"NoMember": "$request.body.none", "NoHeader": "$request.header.none", "Null": "$request.body.null", "Region": "eu-west-1",
	})
	r := httptest.NewRequest("POST", "/q/ring?q=1&q=2", strings.NewReader(`{"a":{"b":"ü"},"n":1.50,"null":null}`))
	r.Header.Set("x-name", "value")
	resp := serve(g, r)
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 418 || string(body) != "<pot/>" || resp.Header.Get("Content-Type") != "text/xml" || resp.Header.Get("Apigw-Requestid") == "" {
		t.Errorf("%d %s %v", resp.StatusCode, body, resp.Header)
	}
	want := map[string]string{
		"Static": "a$b", "Body": `{"a":{"b":"ü"},"n":1.50,"null":null}`, "Member": "ü", "Number": "1.50", "Object": `{"b":"ü"}`,
		"Header": "value", "Query": "1,2", "Path": "ring", "WholePath": "/q/ring",
		"Mixed": "POST ring!", "Stage": "$default", "Epoch": "1795489445678",
	}
	if diff := cmp.Diff(want, f.parameters); diff != "" || f.service != "SQS" || f.action != "SendMessage" {
		t.Errorf("%s-%s (-want +got)\n%s", f.service, f.action, diff)
	}
}

func TestServiceErrors(t *testing.T) {
	for _, tt := range []struct {
		err     error
		status  int
		message string
	}{
		{context.DeadlineExceeded, 503, "Service Unavailable"},
		{errors.New("secret"), 500, "Internal Server Error"},
	} {
		checkMessage(t, serve(serviceGateway(t, &fakeService{err: tt.err}, nil), httptest.NewRequest("POST", "/q/x", nil)), tt.status, tt.message)
	}
}

// TestMappingRefused: New, not the first request, fails for an unsupported
// expression, and names it.
func TestMappingRefused(t *testing.T) {
	for _, expression := range []string{"$stageVariables.a", "$context.authorizer.x", "$request.header", "$request.body..a", "$response.body", "${request.cookie.a}"} {
		_, err := New(Config{Routes: []Route{{Method: "GET", Path: "/", Service: &Service{Subtype: "SQS-SendMessage", Parameters: map[string]string{"MessageBody": expression}}}}})
		if err == nil || !strings.Contains(err.Error(), "is not supported") || !strings.Contains(err.Error(), "MessageBody") {
			t.Errorf("%s: %v", expression, err)
		}
	}
}
