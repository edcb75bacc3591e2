package api_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/test/apistack"
)

// TestClientErrors: the client gives the problem, and what may be tried again.
func TestClientErrors(t *testing.T) {
	s := apistack.New(t)
	_, err := s.Client(s.User).Execute(t.Context(), api.Execute{Mode: api.ModeDirect, CreateJob: hello})
	if _, again := api.Temporary(err); api.CodeOf(err) != errand.CodeDirectDisabled || again {
		t.Error(err)
	}
	s.Service.Store = brokenList{s.Service.Store, io.ErrUnexpectedEOF}
	_, err = s.Client(s.User).Jobs(t.Context(), "", "", 0, "")
	if after, again := api.Temporary(err); api.CodeOf(err) != errand.CodeUnavailable || !again || after <= 0 {
		t.Errorf("%v, again after %s", err, after)
	}
}

// TestClientAnswers: answers that aren't the API's own, such as a proxy's.
func TestClientAnswers(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		header map[string]string
		body   string
		again  bool
		after  time.Duration
		says   string
	}{
		"a proxy's page":           {502, nil, "<html>bad gateway</html>", true, 0, "502 Bad Gateway: <html>"},
		"API Gateway's 404":        {404, nil, `{"message":"Not Found"}`, false, 0, "Not Found"},
		"API Gateway's 503":        {503, map[string]string{"Retry-After": "7"}, `{"message":"Service Unavailable"}`, true, 7 * time.Second, "503"},
		"a date to retry after":    {503, map[string]string{"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, "", true, 0, "503"},
		"too many requests":        {429, map[string]string{"Retry-After": "1"}, "", true, time.Second, "429"},
		"a request that timed out": {408, nil, "", true, 0, "408"},
		"direct mode is off":       {501, nil, `{"code":"direct_disabled","detail":"it is off","requestId":"r1"}`, false, 0, "it is off (direct_disabled) [request r1]"},
		"a conflict":               {409, nil, `{"code":"conflict","detail":"busy"}`, true, 0, "busy (conflict)"},
		"an answer that is HTML":   {200, nil, "<html>", true, 0, "GET /api/jobs: the answer is not what was expected"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if got := r.Header.Get("Authorization") + r.Header.Get("User-Agent"); got != "Bearer t2errand/1" {
					t.Errorf("headers %q", got)
				}
				for k, v := range tc.header {
					w.Header().Set(k, v)
				}
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			}))
			defer srv.Close()
			c := (&api.Client{BaseURL: srv.URL + "/", Token: "t1", UserAgent: "errand/1"}).WithToken("t2")
			_, err := c.Jobs(t.Context(), "", "", 0, "")
			after, again := api.Temporary(err)
			if err == nil || again != tc.again || after != tc.after || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%v, again %v after %s", err, again, after)
			}
		})
	}
}

func TestTemporary(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{fmt.Errorf("poll: %w", context.Canceled), false},
		{errors.New("connection refused"), true},
		{&api.ResponseError{Status: http.StatusUnauthorized}, false},
	} {
		if _, got := api.Temporary(tc.err); got != tc.want {
			t.Errorf("%v: %v", tc.err, got)
		}
	}
}
