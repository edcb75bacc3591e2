package source_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/meter"
	"github.com/errandhq/errand/internal/source"
)

var content = bytes.Repeat([]byte("0123456789abcdef"), 20_000)

// storage answers each request with the next of its steps; the last one stays.
func storage(t *testing.T, ranges *[]string, steps ...http.HandlerFunc) *errand.SourceGrant {
	t.Helper()
	n := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Signed") != "yes" {
			http.Error(w, "unsigned", http.StatusForbidden)
			return
		}
		*ranges = append(*ranges, r.Header.Get("Range"))
		n++
		steps[min(n, len(steps))-1](w, r)
	}))
	t.Cleanup(srv.Close)
	sum := sha256.Sum256(content)
	return &errand.SourceGrant{
		Source:   errand.Source{SHA256: hex.EncodeToString(sum[:]), Size: int64(len(content))},
		Download: errand.SignedRequest{Method: "GET", URL: srv.URL + "/x", Header: map[string]string{"X-Signed": "yes"}},
	}
}

func whole(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(content) }

func rest(from int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(content)-1, len(content)))
		w.WriteHeader(http.StatusPartialContent)
		_, _ = w.Write(content[from:])
	}
}

// cut sends n bytes and breaks the connection.
func cut(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		_, _ = w.Write(content[:n])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func other(w http.ResponseWriter, _ *http.Request) {
	_, _ = w.Write(bytes.Repeat([]byte("x"), len(content)))
}

func TestFetch(t *testing.T) {
	t.Parallel()
	longer := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(append(slices.Clone(content), 'x')) }
	for _, tt := range []struct {
		name   string
		steps  []http.HandlerFunc
		ranges []string
		gone   bool
	}{
		{"at once", []http.HandlerFunc{whole}, []string{""}, false},
		{"after errors", []http.HandlerFunc{status(503), status(500), whole}, []string{"", "", ""}, false},
		{"goes on where it broke off", []http.HandlerFunc{cut(100_000), rest(100_000)}, []string{"", "bytes=100000-"}, false},
		{"starts again where ranges are ignored", []http.HandlerFunc{cut(100_000), whole}, []string{"", "bytes=100000-"}, false},
		{"starts again where the range is refused", []http.HandlerFunc{cut(100_000), status(416), whole}, []string{"", "bytes=100000-", ""}, false},
		{"other bytes once", []http.HandlerFunc{other, whole}, []string{"", ""}, false},
		{"other bytes twice", []http.HandlerFunc{other}, []string{"", ""}, true},
		{"longer than uploaded", []http.HandlerFunc{longer}, []string{""}, true},
		{"gone", []http.HandlerFunc{status(404)}, []string{""}, true},
		{"expired", []http.HandlerFunc{status(403)}, []string{""}, true},
		{"never", []http.HandlerFunc{status(503)}, []string{"", "", ""}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var ranges []string
			g := storage(t, &ranges, tt.steps...)
			path := filepath.Join(t.TempDir(), "source.zip")
			f := source.Fetcher{Tries: 3, Wait: func(context.Context, int) error { return nil }}
			err := f.Fetch(t.Context(), g, path)
			if errors.Is(err, source.ErrUnavailable) != tt.gone || !tt.gone && err != nil {
				t.Fatalf("error %v", err)
			}
			if !slices.Equal(ranges, tt.ranges) {
				t.Errorf("ranges asked for: %q", ranges)
			}
			if got, _ := os.ReadFile(path); !tt.gone && !bytes.Equal(got, content) {
				t.Errorf("the file holds %d other bytes", len(got))
			}
		})
	}
}

// A server that goes silent in the middle doesn't hold the job for ever.
func TestStall(t *testing.T) {
	t.Parallel()
	var ranges []string
	quiet := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		_, _ = w.Write(content[:10])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	g := storage(t, &ranges, quiet, rest(10))
	f := source.Fetcher{Stall: 100e6, Wait: func(context.Context, int) error { return nil }}
	if err := f.Fetch(t.Context(), g, filepath.Join(t.TempDir(), "x")); err != nil {
		t.Fatal(err)
	}
}

func TestCancelledAndLocalErrors(t *testing.T) {
	t.Parallel()
	var ranges []string
	g := storage(t, &ranges, status(503))
	cause := errors.New("cancelled")
	ctx, cancel := context.WithCancelCause(t.Context())
	f := source.Fetcher{Wait: func(ctx context.Context, _ int) error { cancel(cause); return context.Cause(ctx) }}
	if err := f.Fetch(ctx, g, filepath.Join(t.TempDir(), "x")); !errors.Is(err, cause) {
		t.Errorf("cancelled: %v", err)
	}
	err := f.Fetch(t.Context(), g, filepath.Join(t.TempDir(), "no", "such", "x"))
	if err == nil || errors.Is(err, source.ErrUnavailable) || !strings.Contains(err.Error(), "source archive") {
		t.Errorf("no directory: %v", err)
	}
}

// TestUnpackCountsAZIP: what of a ZIP is unpacked is counted, as of a manifest.
func TestUnpackCountsAZIP(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	zw := zip.NewWriter(&b)
	w, err := zw.Create("file")
	if err == nil {
		_, err = w.Write(bytes.Repeat([]byte("x"), 12_345))
	}
	if err := errors.Join(err, zw.Close()); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(b.Bytes()) }))
	defer s.Close()
	sum := sha256.Sum256(b.Bytes())
	g := &errand.SourceGrant{
		Source:   errand.Source{SHA256: hex.EncodeToString(sum[:]), Size: int64(b.Len())},
		Download: errand.SignedRequest{Method: http.MethodGet, URL: s.URL},
	}
	var m meter.Meter
	st, err := source.Fetcher{Meter: &m}.Unpack(t.Context(), g, source.Target{Dir: t.TempDir(), Scratch: t.TempDir()})
	if err != nil || st.Bytes != 12_345 || m.Done() != st.Bytes {
		t.Errorf("unpacked %+v, counted %d bytes, %v", st, m.Done(), err)
	}
}
