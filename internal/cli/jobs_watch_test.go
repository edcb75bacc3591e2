package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/terminal"
)

// roundTripper is an http.RoundTripper.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestWatchOverAnOutage: a watched list goes on when the server is back. Without a first
// answer, it ends at once.
func TestWatchOverAnOutage(t *testing.T) {
	t.Parallel()
	refused := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	for name, tt := range map[string]struct {
		down      map[int]bool // calls that fail
		calls     int
		out, note string
	}{
		"outage":     {map[int]bool{2: true, 3: true}, 5, "J4\npending", "errand: the server does not answer (dial: connection refused); retrying\nerrand: the server answers again\n"},
		"none there": {map[int]bool{1: true}, 1, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var stdout, stderr bytes.Buffer
				a := newApp(&stdout, &stderr, noEnv)
				ctx, interrupt := context.WithCancelCause(t.Context())
				calls := 0
				c := &api.Client{BaseURL: "http://server", HTTP: &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
					calls++
					switch {
					case tt.down[calls]:
						return nil, refused
					case calls == 5:
						interrupt(terminal.ErrInterrupted)
						return nil, context.Canceled
					}
					return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(`{"jobs":[{"id":"J4","status":"pending","commands":["x"]}]}`))}, nil
				})}}
				_ = a.watchJobs(ctx, c, jobsFlags{limit: 20})
				if got := strings.ReplaceAll(stdout.String(), "\t", "\n"); calls != tt.calls || !strings.HasPrefix(got, tt.out) || strings.Count(got, "J4") > 1 || stderr.String() != tt.note {
					t.Errorf("%d calls; stdout %q, stderr %q", calls, got, stderr.String())
				}
			})
		})
	}
}
