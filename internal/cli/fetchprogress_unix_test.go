//go:build unix

package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/creack/pty"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/terminal"
)

// TestProgressOfArtifacts: while artifacts are fetched, a terminal shows a bar, and
// something else gets lines. With --quiet, neither.
func TestProgressOfArtifacts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		tty, quiet bool
		want       []string
	}{
		{"terminal", true, false, []string{"errand: fetching", "66%", "\r\x1b[2Kerrand: fetched 1 file (3.0 kB)"}},
		{"pipe", false, false, []string{"errand: fetching: 2.0 kB of 3.0 kB, 333 bytes/s\nerrand: fetched 1 file (3.0 kB)"}},
		{"quiet terminal", true, true, nil},
		{"quiet pipe", false, true, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			read, stderr, err := os.Pipe()
			if tt.tty {
				read, stderr, err = pty.Open()
			}
			if err != nil {
				t.Fatal(err)
			}
			defer read.Close()
			defer stderr.Close()
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) { fetchSlowly(t, dir, stderr, tt.quiet) })
			if _, err := io.WriteString(stderr, "end"); err != nil {
				t.Fatal(err)
			}
			got := readUntil(t, read, "end")
			for _, want := range tt.want {
				if !strings.Contains(got, want) {
					t.Errorf("the user sees %q, want %q", got, want)
				}
			}
			if tt.want == nil && got != "" {
				t.Errorf("the user sees %q", got)
			}
		})
	}
}

// fetchSlowly fetches a file whose thousands of bytes come every three seconds.
func fetchSlowly(t *testing.T, dir string, stderr *os.File, quiet bool) {
	content := bytes.Repeat([]byte("x"), 3000)
	sum := sha256.Sum256(content)
	file := api.ArtifactDownload{
		ArtifactFile: errand.ArtifactFile{Path: "out", Mode: "0644", ModifiedAt: time.Now(), Content: errand.Content{SHA256: hex.EncodeToString(sum[:]), Size: int64(len(content))}},
		Download:     &errand.SignedRequest{Method: http.MethodGet, URL: "http://storage/out"},
	}
	term := terminal.New(io.Discard, stderr, func(string) string { return "" })
	if quiet {
		term.SetQuiet()
	}
	a := &app{term: term, lookup: func(string) (string, bool) { return "", false }}
	pattern, err := errand.ParsePattern("out")
	if err != nil {
		t.Fatal(err)
	}
	c := &api.Client{HTTP: &http.Client{Transport: slowStorage(content)}}
	page := &api.ArtifactPage{Files: []api.ArtifactDownload{file}}
	if err := a.fetch(context.Background(), c, fetchOptions{dir: dir, patterns: []errand.Pattern{pattern}}, page); err != nil {
		t.Error(err)
	}
}

type slowStorage []byte

func (s slowStorage) RoundTrip(r *http.Request) (*http.Response, error) {
	body := &slowBody{bytes.NewReader(s)}
	return &http.Response{StatusCode: http.StatusOK, Proto: "HTTP/1.1", Header: http.Header{}, ContentLength: int64(len(s)), Body: body, Request: r}, nil
}

type slowBody struct{ *bytes.Reader }

func (b *slowBody) Read(p []byte) (int, error) {
	time.Sleep(3 * time.Second) // of the test's own time
	return b.Reader.Read(p[:min(len(p), 1000)])
}

func (b *slowBody) Close() error { return nil }

// readUntil returns what comes before end, as a terminal's user reads it.
func readUntil(t *testing.T, r io.Reader, end string) string {
	t.Helper()
	var all []byte
	for part := make([]byte, 4096); ; {
		n, err := r.Read(part)
		all = append(all, part[:n]...)
		if before, ok := bytes.CutSuffix(all, []byte(end)); ok {
			return strings.ReplaceAll(string(before), "\r\n", "\n")
		}
		if err != nil {
			t.Fatalf("read %q: %v", all, err)
		}
	}
}
