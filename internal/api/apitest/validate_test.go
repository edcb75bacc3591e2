package apitest_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/errandhq/errand/internal/api/apitest"
)

// recorder is a test that notes its failures.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

// TestValidateCatches: traffic that isn't as described fails the test.
func TestValidateCatches(t *testing.T) {
	const problem = `{"type":"urn:errand:error:job_not_found","title":"Not Found","status":404,"code":"job_not_found","detail":"no","requestId":"1"}`
	type answer struct {
		status            int
		contentType, body string
	}
	for name, tc := range map[string]struct {
		method, path, body string
		answer             answer
		breaks             string // what the failure says; empty: none
	}{
		"fine":                    {"GET", "/api/jobs", "", answer{200, "application/json", `{"jobs":[]}`}, ""},
		"fine, without a body":    {"GET", "/api/jobs/get-job?workerId=abcdefgh&epoch=1&pollId=p", "", answer{204, "", ""}, ""},
		"fine, a problem":         {"GET", "/api/jobs/status?jobId=x", "", answer{404, "application/problem+json", problem}, ""},
		"not ours":                {"GET", "/index.html", "", answer{200, "text/html", "hello"}, ""},
		"no such path":            {"GET", "/api/none", "", answer{404, "application/problem+json", problem}, ""},
		"a path not described":    {"GET", "/api/none", "", answer{200, "application/json", `{}`}, "no matching operation"},
		"a member is missing":     {"GET", "/api/jobs", "", answer{200, "application/json", `{}`}, `"jobs" is missing`},
		"a wrong type":            {"GET", "/api/jobs", "", answer{200, "application/json", `{"jobs":{}}`}, "array"},
		"an undescribed status":   {"GET", "/api/jobs", "", answer{418, "application/json", `{}`}, "status is not supported"},
		"a wrong media type":      {"GET", "/api/jobs", "", answer{200, "text/html", `{"jobs":[]}`}, "Content-Type"},
		"an open code":            {"GET", "/api/jobs/status?jobId=x", "", answer{404, "application/problem+json", strings.Replace(problem, `"job_not_found"`, `"gone"`, 1)}, "code"},
		"a parameter is missing":  {"GET", "/api/jobs/get-job?epoch=1&pollId=p", "", answer{204, "", ""}, "workerId"},
		"an undescribed member":   {"POST", "/api/jobs/cancel", `{"jobId":"01ARZ3NDEKTSV4RRFFQ69G5FAV","force":true}`, answer{200, "application/json", `{}`}, "force"},
		"a bad request, refused":  {"POST", "/api/jobs/cancel", `{"force":true}`, answer{400, "application/problem+json", strings.ReplaceAll(problem, "404", "400")}, ""},
		"a bad request, accepted": {"POST", "/api/jobs/create", `{"commands":[]}`, answer{201, "application/json", `{}`}, "commands"},
	} {
		t.Run(name, func(t *testing.T) {
			rec := &recorder{TB: t}
			h := apitest.Validate(rec, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Request-Id", "1")
				if tc.answer.contentType != "" {
					w.Header().Set("Content-Type", tc.answer.contentType)
				}
				w.WriteHeader(tc.answer.status)
				_, _ = w.Write([]byte(tc.answer.body))
			}))
			req := httptest.NewRequest(tc.method, tc.path, strings.NewReader(tc.body))
			if tc.body != "" {
				req.Header.Set("Content-Type", "application/json")
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, req)
			checkTransport(t, w, tc.method, tc.path, tc.body, tc.breaks)
			if w.Code != tc.answer.status || w.Body.String() != tc.answer.body {
				t.Errorf("the answer became %d %s", w.Code, w.Body)
			}
			said := strings.Join(rec.failures, "\n")
			if (said == "") != (tc.breaks == "") || !strings.Contains(said, tc.breaks) {
				t.Errorf("said %q, want %q", said, tc.breaks)
			}
		})
	}
}

// checkTransport makes the same exchange with a server that is out of reach of
// Validate; Transport must say the same of it.
func checkTransport(t *testing.T, answer *httptest.ResponseRecorder, method, path, body, breaks string) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	}))
	defer srv.Close()
	req, err := http.NewRequest(method, srv.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	rec := &recorder{TB: t}
	resp, err := (&http.Client{Transport: apitest.Transport(rec, nil)}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if said := strings.Join(rec.failures, "\n"); err != nil || string(got) != answer.Body.String() || (said == "") != (breaks == "") || !strings.Contains(said, breaks) {
		t.Errorf("Transport said %q, want %q; answer %s, %v", said, breaks, got, err)
	}
}
