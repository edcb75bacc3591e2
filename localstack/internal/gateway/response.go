// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html

package gateway

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// response is the HTTP response of a function's output.
type response struct {
	status  int
	headers map[string]string
	cookies []string
	body    []byte
}

// jsonOptions read and write JSON as API Gateway does: of two members with the same
// name the last counts, and bytes that aren't UTF-8 are replaced.
var jsonOptions = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true), json.Deterministic(true))

// infer converts a function's output. An object with a statusCode is the response.
// Any other JSON becomes the body of a 200, a string without its quotes.
func infer(output []byte) (*response, error) {
	var object struct {
		StatusCode jsontext.Value `json:"statusCode"`
	}
	err := json.Unmarshal(output, &object, jsonOptions)
	var notJSON *jsontext.SyntacticError
	switch {
	case errors.As(err, &notJSON):
		return nil, fmt.Errorf("it is not JSON: %w", err)
	case err == nil && object.StatusCode != nil:
		return structured(output)
	}
	var text *string
	if json.Unmarshal(output, &text, jsonOptions) == nil && text != nil {
		output = []byte(*text)
	}
	return &response{status: http.StatusOK, headers: map[string]string{"content-type": "application/json"}, body: output}, nil
}

func structured(output []byte) (*response, error) {
	var object struct {
		StatusCode      int                       `json:"statusCode"`
		Headers         map[string]jsontext.Value `json:"headers"`
		Cookies         []string                  `json:"cookies"`
		Body            string                    `json:"body"`
		IsBase64Encoded bool                      `json:"isBase64Encoded"`
	}
	if err := json.Unmarshal(output, &object, jsonOptions); err != nil {
		return nil, err
	}
	r := &response{
		status: object.StatusCode, cookies: object.Cookies, body: []byte(object.Body),
		headers: make(map[string]string, len(object.Headers)+1),
	}
	if r.status < 200 || r.status > 599 {
		return nil, fmt.Errorf("statusCode %d is not an HTTP status", r.status)
	}
	for name, v := range object.Headers {
		switch v.Kind() {
		case jsontext.KindString:
			text, _ := jsontext.AppendUnquote(nil, v) // an error is invalid UTF-8, which is replaced
			r.headers[strings.ToLower(name)] = string(text)
		case jsontext.KindTrue, jsontext.KindFalse, jsontext.KindNumber:
			r.headers[strings.ToLower(name)] = string(v)
		default:
			return nil, fmt.Errorf("header %s is not a string", name)
		}
	}
	if r.headers["content-type"] == "" {
		r.headers["content-type"] = "text/plain; charset=utf-8"
	}
	if object.IsBase64Encoded {
		var err error
		if r.body, err = base64.StdEncoding.DecodeString(object.Body); err != nil {
			return nil, fmt.Errorf("body: %w", err)
		}
	}
	return r, nil
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
