// Package lambdahttp serves an http.Handler from a Lambda function behind an
// API Gateway HTTP API (payload format 2.0).
//
// It is the only importer of aws-lambda-go-api-proxy, which is archived
// upstream, and corrects what that leaves to its caller: host and scheme are
// those of the caller, a named stage isn't part of the path, and a path that
// came decoded is encoded again.
package lambdahttp

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/awslabs/aws-lambda-go-api-proxy/core"
	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Handler returns a Lambda handler that answers API Gateway events with what h
// answers. The request's context is the invocation's, so it ends with the
// function's time. Bodies that aren't UTF-8 travel in base64, both ways.
func Handler(h http.Handler) lambda.Handler {
	proxy := httpadapter.NewV2(readdress(h))
	return handler(func(ctx context.Context, e events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		if e.RequestContext.HTTP.Method == "" {
			return events.APIGatewayV2HTTPResponse{}, errors.New("the event is not an API Gateway HTTP request of payload format 2.0")
		}
		e.RawPath = path(&e)
		cookiesOnce(&e)
		resp, err := proxy.ProxyWithContext(ctx, e)
		if err != nil {
			return resp, fmt.Errorf("serve %s %s: %w", e.RequestContext.HTTP.Method, e.RawPath, err)
		}
		return resp, nil
	})
}

// handler does what lambda.NewHandler does, whose answers share memory: the
// next invocation writes over one that its caller still reads. On AWS there is
// no next before the first is sent; where invocations share a process, one
// request would be answered with pieces of another's answer.
type handler func(context.Context, events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error)

// Invoke implements lambda.Handler. The answer is the caller's to keep.
func (h handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var e events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(payload, &e, jsonOptions); err != nil {
		return nil, fmt.Errorf("read the event: %w", err)
	}
	resp, err := h(ctx, e)
	if err != nil {
		return nil, err
	}
	out, err := json.Marshal(resp, jsonOptions)
	if err != nil {
		return nil, fmt.Errorf("encode the answer: %w", err)
	}
	return out, nil
}

// jsonOptions write absent headers and cookies as null, as lambda.NewHandler does, and
// replace bytes that aren't UTF-8, which a header may have.
var jsonOptions = json.JoinOptions(jsontext.AllowInvalidUTF8(true), json.FormatNilMapAsNull(true), json.FormatNilSliceAsNull(true))

// RequestID is the ID that API Gateway gave the request, or, where there is
// none, that of the invocation; empty outside of a Handler.
func RequestID(ctx context.Context) string {
	if gw, ok := core.GetAPIGatewayV2ContextFromContext(ctx); ok && gw.RequestID != "" {
		return gw.RequestID
	}
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		return lc.AwsRequestID
	}
	return ""
}

// path is the event's path as a URL has it. API Gateway decodes it, and puts
// the stage's name before it, unless that is $default.
func path(e *events.APIGatewayV2HTTPRequest) string {
	p := e.RawPath
	if p == "" {
		p = e.RequestContext.HTTP.Path
	}
	if stage := e.RequestContext.Stage; stage != "" && stage != "$default" {
		if rest, ok := strings.CutPrefix(p, "/"+stage); ok && (rest == "" || rest[0] == '/') {
			p = rest
		}
	}
	return (&url.URL{Path: p}).EscapedPath()
}

// cookiesOnce drops the header of cookies that stand in the event's list too:
// sam local sends both, and API Gateway the list alone.
func cookiesOnce(e *events.APIGatewayV2HTTPRequest) {
	if len(e.Cookies) > 0 {
		maps.DeleteFunc(e.Headers, func(name, _ string) bool { return strings.EqualFold(name, "cookie") })
	}
}

// readdress makes Host and scheme those that the caller used: the proxy puts
// the API's domain and https, which on one machine are not.
func readdress(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if host := r.Header.Get("Host"); host != "" {
			r.Host, r.URL.Host = host, host
			r.Header.Del("Host") // net/http keeps it in Request.Host alone
		}
		if r.Header.Get("X-Forwarded-Proto") == "" {
			r.Header.Set("X-Forwarded-Proto", "https") // API Gateway knows nothing else
		}
		r.URL.Scheme = r.Header.Get("X-Forwarded-Proto")
		h.ServeHTTP(w, r)
	})
}
