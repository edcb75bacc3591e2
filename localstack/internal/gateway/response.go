// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html

package gateway

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// response is the HTTP response of a function's output.
type response struct {
	status  int
	headers map[string]string
	cookies []string
	body    []byte
}

// infer converts a function's output. An object with a statusCode is the response.
// Any other JSON becomes the body of a 200, a string without its quotes.
func infer(output []byte) (*response, error) {
	if !json.Valid(output) {
		return nil, errors.New("it is not JSON")
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(output, &members); err != nil || members["statusCode"] == nil {
		body := output
		var text string
		if output[0] == '"' && json.Unmarshal(output, &text) == nil {
			body = []byte(text)
		}
		return &response{status: http.StatusOK, headers: map[string]string{"content-type": "application/json"}, body: body}, nil
	}
	return structured(members)
}

func structured(members map[string]json.RawMessage) (*response, error) {
	var r response
	if err := json.Unmarshal(members["statusCode"], &r.status); err != nil || r.status < 200 || r.status > 599 {
		return nil, fmt.Errorf("statusCode %s is not an HTTP status", members["statusCode"])
	}
	if err := optional(members["cookies"], &r.cookies); err != nil {
		return nil, fmt.Errorf("cookies: %w", err)
	}
	var headers map[string]any
	if err := optional(members["headers"], &headers); err != nil {
		return nil, fmt.Errorf("headers: %w", err)
	}
	r.headers = make(map[string]string, len(headers))
	for k, v := range headers {
		switch v := v.(type) {
		case string:
			r.headers[strings.ToLower(k)] = v
		case bool:
			r.headers[strings.ToLower(k)] = strconv.FormatBool(v)
		case json.Number:
			r.headers[strings.ToLower(k)] = v.String()
		default:
			return nil, fmt.Errorf("header %s is not a string", k)
		}
	}
	return &r, r.readBody(members)
}

func (r *response) readBody(members map[string]json.RawMessage) error {
	var body string
	var isBase64 bool
	if err := optional(members["body"], &body); err != nil {
		return fmt.Errorf("body: %w", err)
	}
	if err := optional(members["isBase64Encoded"], &isBase64); err != nil {
		return fmt.Errorf("isBase64Encoded: %w", err)
	}
	r.body = []byte(body)
	if isBase64 {
		var err error
		if r.body, err = base64.StdEncoding.DecodeString(body); err != nil {
			return fmt.Errorf("body: %w", err)
		}
	}
	if r.headers["content-type"] == "" {
		r.headers["content-type"] = "text/plain; charset=utf-8"
	}
	return nil
}

// optional decodes a member that may be missing or null.
func optional(raw json.RawMessage, into any) error {
	if raw == nil {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return d.Decode(into)
}

// unsettable are the headers that a function can't set, since they are those of the
// gateway's connection.
var unsettable = map[string]bool{
	"connection": true, "content-length": true, "keep-alive": true, "te": true, "trailer": true,
	"transfer-encoding": true, "upgrade": true,
}

// write writes the response. If the API configures CORS, it drops the function's CORS
// headers.
func (r *response) write(w http.ResponseWriter, cors bool) {
	h := w.Header()
	for _, name := range slices.Sorted(maps.Keys(r.headers)) {
		if unsettable[name] || cors && strings.HasPrefix(name, "access-control-") {
			continue
		}
		if name == "vary" && h.Get("Vary") != "" {
			h.Add(name, r.headers[name])
			continue
		}
		h.Set(name, r.headers[name])
	}
	for _, c := range r.cookies {
		h.Add("Set-Cookie", c)
	}
	if r.status == http.StatusNoContent || r.status == http.StatusNotModified {
		h.Del("Content-Type")
		w.WriteHeader(r.status)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(r.body)))
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body) // the client may have gone
}

// WriteError writes an error response as API Gateway does: {"message":"…"}.
func WriteError(w http.ResponseWriter, status int, text string) {
	awswire.WriteBody(w, status, "application/json", []byte(`{"message":"`+text+`"}`))
}
