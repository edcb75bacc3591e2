package s3wire_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/localstack/internal/engine"
	"github.com/errandhq/errand/localstack/internal/engine/enginetest"
	"github.com/errandhq/errand/localstack/internal/kv"
	"github.com/errandhq/errand/localstack/internal/s3"
	"github.com/errandhq/errand/localstack/internal/s3/s3wire"
)

type panickingBody struct{}

func (panickingBody) Read([]byte) (int, error) { panic("no such part") }

// TestFailuresAreLogged: with the store closed behind it, each operation fails
// with a 500 and leaves one line with its cause; so does a panic. A closed engine
// answers 503.
func TestFailuresAreLogged(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	store, err := kv.Open("db", kv.Options{FS: fs, NoSync: true})
	check(t, err)
	var log enginetest.Log
	ended := make(chan error, 1)
	e, err := s3.Open(s3.Config{
		Config: engine.Config{Store: store, Logf: log.Logf, PassEnded: func(_ string, err error) { ended <- err }},
		Dir:    "s3", FS: fs,
	})
	check(t, err)
	check(t, <-ended)
	h := s3wire.New(e, s3wire.Options{})
	check(t, e.CreateBucket("bkt", "us-east-1"))

	send := func(method, path string, body io.Reader) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, path, body))
		return w
	}
	wantFailure := func(w *httptest.ResponseRecorder, request, cause string) {
		t.Helper()
		lines := log.Take()
		want := fmt.Sprintf("s3: %s (request %s): 500 InternalError: ", request, w.Header().Get("X-Amz-Request-Id"))
		if w.Code != http.StatusInternalServerError || len(lines) != 1 || !strings.HasPrefix(lines[0], want) || !strings.Contains(lines[0], cause) {
			t.Errorf("%s: %d %s; logged %q", request, w.Code, w.Body, lines)
		}
		if strings.Contains(w.Body.String(), cause) {
			t.Errorf("%s: the response has the cause: %s", request, w.Body)
		}
	}
	r := httptest.NewRequest("PUT", "/bkt/k", panickingBody{})
	r.ContentLength = 1
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	wantFailure(w, "PUT /bkt/k", "panic: no such part")

	check(t, store.Close())
	for _, op := range []struct{ method, path, body string }{
		{"PUT", "/bkt/k", "body"},
		{"GET", "/bkt/k", ""},
		{"DELETE", "/bkt/k", ""},
		{"GET", "/bkt", ""},
		{"GET", "/", ""},
		{"POST", "/bkt/k?uploads", ""},
	} {
		path, _, _ := strings.Cut(op.path, "?")
		wantFailure(send(op.method, op.path, strings.NewReader(op.body)), op.method+" "+path, "closed")
	}

	e.Close()
	if w := send("GET", "/", nil); w.Code != http.StatusServiceUnavailable || len(log.Take()) != 1 {
		t.Errorf("after Close: %d %s", w.Code, w.Body)
	}
}
