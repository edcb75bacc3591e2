package gateway

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
)

// FuzzEvent: the event of any request is JSON that aws-lambda-go decodes, with the
// body unchanged.
func FuzzEvent(f *testing.F) {
	f.Add("POST", "/a b/%2F", "x=1&x=%zz&=", "Cookie", "a=1; ;b", "application/json", []byte(`{"a":"ä"}`))
	f.Add("GET", "//", "", "X-\xff", "\xff", "text/plain", []byte("\xff\x00"))
	f.Add("PUT", "/..", "a;b", "x-forwarded-for", "1,2", "multipart/form-data; boundary", []byte(""))
	f.Fuzz(func(t *testing.T, method, path, query, name, value, contentType string, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Method, r.URL = method, &url.URL{Path: "/" + path, RawQuery: query}
		r.Header = http.Header{http.CanonicalHeaderKey(name): {value}, "Content-Type": {contentType}}
		fake := &fake{}
		g := newGateway(t, fake)
		matched, params := g.match("POST", "/jobs/1")
		path, err := pathOf(r)
		if status := serve(g, r).StatusCode; (err != nil) != (status == http.StatusBadRequest) {
			t.Errorf("path %q: %v, HTTP %d", r.URL, err, status)
		}
		var e events.APIGatewayV2HTTPRequest
		if err := json.Unmarshal(g.event(r, path, matched, params, body, "id").encode(), &e); err != nil {
			t.Fatal(err)
		}
		got := []byte(e.Body)
		if e.IsBase64Encoded {
			var err error
			if got, err = base64.StdEncoding.DecodeString(e.Body); err != nil {
				t.Fatal(err)
			}
		}
		if string(got) != string(body) {
			t.Errorf("body %q became %q", body, got)
		}
		for k := range e.Headers {
			if k != strings.ToLower(k) || k == "cookie" {
				t.Errorf("header %q", k)
			}
		}
	})
}

// FuzzResponse: every output of a function becomes a valid response; malformed
// output becomes a 500.
func FuzzResponse(f *testing.F) {
	for _, s := range []string{
		`{"statusCode":201,"headers":{"A":"b","Content-Length":"9"},"cookies":["a=1"],"body":"aGk=","isBase64Encoded":true}`,
		`"text"`, ` {"statusCode": 204}`, `[1]`, `null`, ``, `{"statusCode":"200"}`, `{"statusCode":200,"headers":{"a\n":"b\r\n"}}`, " \"x\"",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		r, err := infer(answer)
		if err != nil {
			return
		}
		if r.status < 200 || r.status > 599 {
			t.Errorf("status %d of %q", r.status, answer)
		}
		w := httptest.NewRecorder()
		r.write(w, false)
		if w.Code != r.status {
			t.Errorf("status %d, want %d", w.Code, r.status)
		}
	})
}

// FuzzMapping: an expression is either refused or evaluates for every request.
func FuzzMapping(f *testing.F) {
	for _, s := range []string{"$request.body.a.b", "${context.stage}-${request.path.x}", "$", "${", "${}", "$request.header.", "plain"} {
		f.Add(s, []byte(`{"a":{"b":1}}`))
	}
	f.Fuzz(func(t *testing.T, expression string, body []byte) {
		m, err := compileMapping(expression)
		if err == nil {
			m.value(&event{}, body)
		}
	})
}
