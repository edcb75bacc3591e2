package api_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/api/apitest"
	"github.com/errandhq/errand/internal/lambdahttp"
	"github.com/errandhq/errand/test/apistack"
)

// TestLambda: an API Gateway event gets through to an endpoint and back, with
// the gateway's request ID, the caller's host and a header that was joined.
func TestLambda(t *testing.T) {
	s := apistack.New(t)
	opts := api.Options{RequestID: func(r *http.Request) string { return lambdahttp.RequestID(r.Context()) }}
	invoke := func(e api.Endpoint, method, path, body string, headers map[string]string) events.APIGatewayV2HTTPResponse {
		t.Helper()
		in := events.APIGatewayV2HTTPRequest{
			Version: "2.0", RawPath: path, Headers: map[string]string{
				"host": "api.example", "x-forwarded-proto": "https", "authorization": "Bearer " + s.User, "content-type": "application/json",
			},
			Body: base64.StdEncoding.EncodeToString([]byte(body)), IsBase64Encoded: true,
		}
		maps.Copy(in.Headers, headers)
		in.RequestContext.RequestID, in.RequestContext.DomainName, in.RequestContext.HTTP.Method = "gateway-1", "x.execute-api.amazonaws.com", method
		payload, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		out, err := lambdahttp.Handler(apitest.Validate(t, api.NewHandler(s.Service, opts, e))).Invoke(context.Background(), payload)
		if err != nil {
			t.Fatal(err)
		}
		var resp events.APIGatewayV2HTTPResponse
		if err := json.Unmarshal(out, &resp); err != nil {
			t.Fatal(err)
		}
		if resp.Headers["X-Request-Id"] != "gateway-1" {
			t.Errorf("headers %v", resp.Headers)
		}
		return resp
	}

	key := map[string]string{"idempotency-key": "a,b"}
	first := invoke(api.JobsCreate, "POST", "/api/jobs/create", `{"commands":["echo é"]}`, key)
	again := invoke(api.JobsCreate, "POST", "/api/jobs/create", `{"commands":["echo é"]}`, key)
	if first.StatusCode != http.StatusCreated || first.Body != again.Body || !strings.Contains(first.Body, "echo é") {
		t.Errorf("%+v\n%+v", first, again)
	}
	// The key is the same over plain HTTP.
	plain := send(t, s, s.User, "POST", "/api/jobs/create", `{"commands":["echo é"]}`, "Idempotency-Key", "a,b")
	if string(plain.body) != first.Body {
		t.Errorf("%s\n%s", plain.body, first.Body)
	}
	up := invoke(api.Uploads, "POST", "/api/uploads", `{"filename":"a","size":1,"sha256":"`+zeros+`"}`, nil)
	if !strings.Contains(up.Body, `"https://api.example/`) {
		t.Error(up.Body)
	}
	foreign := invoke(api.Uploads, "POST", "/api/uploads", `{}`, map[string]string{"origin": "https://x.execute-api.amazonaws.com"})
	if !strings.Contains(foreign.Body, string(errand.CodeOriginDenied)) {
		t.Error(foreign.Body)
	}
}
