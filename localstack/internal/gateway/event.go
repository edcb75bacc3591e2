// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html

package gateway

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
)

// event is payload format 2.0, in the order of its documentation.
type event struct {
	Version               string            `json:"version"`
	RouteKey              string            `json:"routeKey"`
	RawPath               string            `json:"rawPath"`
	RawQueryString        string            `json:"rawQueryString"`
	Cookies               []string          `json:"cookies,omitempty"`
	Headers               map[string]string `json:"headers"`
	QueryStringParameters map[string]string `json:"queryStringParameters,omitempty"`
	RequestContext        requestContext    `json:"requestContext"`
	Body                  string            `json:"body,omitempty"`
	PathParameters        map[string]string `json:"pathParameters,omitempty"`
	IsBase64Encoded       bool              `json:"isBase64Encoded"`
}

type requestContext struct {
	AccountID    string      `json:"accountId"`
	APIID        string      `json:"apiId"`
	DomainName   string      `json:"domainName"`
	DomainPrefix string      `json:"domainPrefix"`
	HTTP         httpContext `json:"http"`
	RequestID    string      `json:"requestId"`
	RouteKey     string      `json:"routeKey"`
	Stage        string      `json:"stage"`
	Time         string      `json:"time"`
	TimeEpoch    int64       `json:"timeEpoch"` // milliseconds
}

type httpContext struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

// event builds the event of a request for a path that pathOf returned. rawPath is
// decoded, despite its name: HTTP APIs do that, function URLs don't. Members without
// a value are left out, as recorded in aws-lambda-go's
// events/testdata/apigw-v2-request-no-authorizer.json.
func (g *Gateway) event(r *http.Request, path string, matched *route, params map[string]string, body []byte, requestID string) *event {
	now := g.Clock.Now().UTC()
	e := &event{
		Version:               "2.0",
		RouteKey:              matched.key(),
		RawPath:               path,
		RawQueryString:        r.URL.RawQuery,
		Cookies:               cookies(r.Header),
		Headers:               g.headers(r, len(body), now),
		QueryStringParameters: queryParameters(r.URL.RawQuery),
		PathParameters:        params,
		RequestContext: requestContext{
			AccountID:    g.Account,
			APIID:        g.APIID,
			DomainName:   g.domain,
			DomainPrefix: g.APIID,
			HTTP: httpContext{
				Method: r.Method, Path: path, Protocol: r.Proto,
				SourceIP: sourceIP(r), UserAgent: r.UserAgent(),
			},
			RequestID: requestID,
			RouteKey:  matched.key(),
			Stage:     "$default",
			Time:      now.Format("02/Jan/2006:15:04:05 +0000"),
			TimeEpoch: now.UnixMilli(),
		},
	}
	e.Body, e.IsBase64Encoded = encodeBody(r.Header.Get("Content-Type"), body)
	return e
}

func (e *event) encode() []byte {
	out, _ := json.Marshal(e, jsonOptions) // strings, numbers and maps of strings: can't fail
	return out
}

// headers returns the request's headers in lower case, repeated ones joined by
// commas, and those that API Gateway adds. It adds Content-Length even if there is
// no body. Cookies have a member of their own.
func (g *Gateway) headers(r *http.Request, length int, now time.Time) map[string]string {
	h := make(map[string]string, len(r.Header)+6)
	for name, values := range r.Header {
		if name != "Cookie" {
			h[strings.ToLower(name)] = strings.Join(values, ",")
		}
	}
	h["host"], h["content-length"] = r.Host, strconv.Itoa(length)
	h["x-forwarded-for"] = sourceIP(r)
	if before := h["x-forwarded-for"]; r.Header.Get("X-Forwarded-For") != "" {
		h["x-forwarded-for"] = strings.Join(r.Header.Values("X-Forwarded-For"), ", ") + ", " + before
	}
	h["x-forwarded-proto"], h["x-forwarded-port"] = "http", "80"
	if r.TLS != nil {
		h["x-forwarded-proto"], h["x-forwarded-port"] = "https", "443"
	}
	if _, port, err := net.SplitHostPort(r.Host); err == nil && port != "" {
		h["x-forwarded-port"] = port
	}
	if h["x-amzn-trace-id"] == "" {
		h["x-amzn-trace-id"] = fmt.Sprintf("Root=1-%08x-%x", now.Unix(), random(12))
	}
	return h
}

func cookies(h http.Header) []string {
	var out []string
	for _, line := range h.Values("Cookie") {
		for c := range strings.SplitSeq(line, ";") {
			if c = strings.TrimSpace(c); c != "" {
				out = append(out, c)
			}
		}
	}
	return out
}

// queryParameters returns the decoded query parameters, repeated ones joined by
// commas.
func queryParameters(raw string) map[string]string {
	values, _ := url.ParseQuery(raw) // malformed parameters are left out
	if len(values) == 0 {
		return nil
	}
	out := make(map[string]string, len(values))
	for k, v := range values {
		out[k] = strings.Join(v, ",")
	}
	return out
}

// encodeBody returns text as it is and anything else in base64. A body is text only
// if its Content-Type says so, so what curl -d sends isn't (AWS-FACTS 27). Text that
// isn't valid UTF-8 is encoded too: JSON would corrupt it.
func encodeBody(contentType string, body []byte) (text string, isBase64 bool) {
	if len(body) == 0 {
		return "", false
	}
	if isText(contentType) && utf8.Valid(body) {
		return string(body), false
	}
	return base64.StdEncoding.EncodeToString(body), true
}

func isText(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	switch media {
	case "application/json", "application/xml", "application/javascript":
		return true
	}
	return strings.HasPrefix(media, "text/")
}

func sourceIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// headerBytes is the size of the request line and the headers as sent.
func headerBytes(r *http.Request) int {
	n := len(r.Method) + len(r.RequestURI) + len(r.Proto) + len("  \r\n") + len("Host: \r\n") + len(r.Host)
	if r.RequestURI == "" {
		n += len(r.URL.RequestURI())
	}
	for name, values := range r.Header {
		for _, v := range values {
			n += len(name) + len(v) + len(": \r\n")
		}
	}
	return n
}

// readBody reads a body up to the limit. If it fails, it has written the response.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxBodyBytes+1))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		WriteError(w, http.StatusRequestTimeout, "Request Timeout")
		return nil, fmt.Errorf("read the body: %w", err)
	}
	if err != nil {
		WriteError(w, http.StatusBadRequest, "Bad Request")
		return nil, fmt.Errorf("read the body: %w", err)
	}
	if len(body) > MaxBodyBytes {
		w.Header().Set("Connection", "close") // the rest of the body isn't read
		WriteError(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
		return nil, ErrTooLarge
	}
	return body, nil
}

// newRequestID returns an ID in API Gateway's form: "JKJaXmPLvHcESHA=".
func newRequestID() string { return base64.URLEncoding.EncodeToString(random(11)) }

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program first
	return b
}
