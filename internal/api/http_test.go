package api_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/test/apistack"
)

func itoa(n int) string { return strconv.Itoa(n) }

// reply is an answer and, if it is one, its problem.
type reply struct {
	*http.Response
	body    []byte
	problem api.Problem
}

// send sends a request as written. A body goes as application/json, unless the
// headers (name, value, …) say otherwise.
func send(t *testing.T, s *apistack.Stack, token, method, path, body string, header ...string) reply {
	t.Helper()
	req, err := http.NewRequest(method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	r := reply{Response: resp}
	if r.body, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	r.check(t)
	return r
}

// check checks what holds for all answers, and reads the problem.
func (r *reply) check(t *testing.T) {
	t.Helper()
	for _, name := range []string{"X-Request-Id", "Cache-Control"} {
		if r.Header.Get(name) == "" {
			t.Errorf("%s is missing", name)
		}
	}
	if told := r.Header.Get("Errand-Version") != ""; r.StatusCode < 300 && !told || r.StatusCode == http.StatusUnauthorized && told {
		t.Errorf("%s %s → %d: the server tells its version: %t", r.Request.Method, r.Request.URL, r.StatusCode, told)
	}
	if r.StatusCode < 400 || r.Request.Method == http.MethodHead {
		return
	}
	if ct := r.Header.Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("Content-Type is %q", ct)
	}
	dec := json.NewDecoder(bytes.NewReader(r.body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r.problem); err != nil {
		t.Fatalf("%s: %v", r.body, err)
	}
	p := r.problem
	if p.Status != r.StatusCode || p.Code.Status() != r.StatusCode || p.Title != http.StatusText(r.StatusCode) ||
		p.Type != "urn:errand:error:"+string(p.Code) || p.Detail == "" || p.RequestID != r.Header.Get("X-Request-Id") {
		t.Errorf("problem %+v of status %d", p, r.StatusCode)
	}
}

// want checks the problem's code, and the member at fault.
func (r *reply) want(t *testing.T, code errand.Code, field string) {
	t.Helper()
	if r.problem.Code != code || r.problem.Field != field {
		t.Errorf("%s %s → %d %s, want %s of %q", r.Request.Method, r.Request.URL, r.StatusCode, r.body, code, field)
	}
}
