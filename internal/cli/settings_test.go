package cli

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/durable"
	"github.com/errandhq/errand/internal/terminal"
)

func TestDataHome(t *testing.T) {
	t.Parallel()
	absolute := t.TempDir() // on this system
	for _, tt := range []struct {
		goos string
		env  map[string]string
		want string
	}{
		{"linux", map[string]string{"HOME": "/home/u"}, "/home/u/.local/share"},
		{"linux", map[string]string{"HOME": "/home/u", "XDG_DATA_HOME": absolute}, absolute},
		{"linux", map[string]string{"HOME": "/home/u", "XDG_DATA_HOME": "not/absolute"}, "/home/u/.local/share"},
		{"darwin", map[string]string{"HOME": "/Users/u"}, "/Users/u/.local/share"},
		{"windows", map[string]string{"LocalAppData": `C:\data`}, `C:\data`},
		{"linux", nil, ""},
		{"windows", nil, ""},
	} {
		got, err := dataHome(tt.goos, func(name string) string { return tt.env[name] })
		if filepath.ToSlash(got) != filepath.ToSlash(tt.want) || (err != nil) != (tt.want == "") {
			t.Errorf("%s, %v: %q, %v; want %q", tt.goos, tt.env, got, err, tt.want)
		}
	}
}

func TestListen(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		f    listenFlags
		want string // beginning of the URL, or part of the error
	}{
		{listenFlags{addr: "127.0.0.1:0"}, "http://127.0.0.1:"},
		{listenFlags{addr: "localhost:0"}, "http://127.0.0.1:"},
		{listenFlags{addr: "0.0.0.0:0", insecure: true}, "http://127.0.0.1:"},
		{listenFlags{addr: "0.0.0.0:0"}, "tokens would be sent unencrypted"},
		{listenFlags{addr: ":0"}, "tokens would be sent unencrypted"},
		{listenFlags{addr: "127.0.0.1"}, "--addr must be host:port"},
		{listenFlags{addr: "127.0.0.1:0", tlsCert: "x"}, "must be set together"},
		{listenFlags{addr: "127.0.0.1:0", tlsCert: "none", tlsKey: "none"}, "read the TLS certificate"},
	} {
		ln, url, err := tt.f.listen()
		if ln != nil && err == nil {
			ln.Close()
		}
		if err != nil {
			url = err.Error()
		}
		if !strings.Contains(url, tt.want) {
			t.Errorf("%+v: %q; want %q", tt.f, url, tt.want)
		}
	}
}

func TestGuardHosts(t *testing.T) {
	t.Parallel()
	f := listenFlags{addr: "0.0.0.0:80", allowHosts: []string{"Errand.example.net:8443", "10.0.0.5"}}
	if want := []string{"localhost", "127.0.0.1", "::1", "errand.example.net", "10.0.0.5"}; !slices.Equal(f.hosts(), want) {
		t.Fatalf("hosts %q, want %q", f.hosts(), want)
	}
	h := guardHosts(f.hosts(), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	for _, tt := range []struct {
		host, path string
		want       int
	}{
		{"localhost:80", "/", 204}, {"127.0.0.1", "/", 204}, {"[::1]:80", "/", 204}, {"ERRAND.example.net.", "/", 204},
		{"10.0.0.5:80", "/bucket/x", 204}, {"evil.example.net", "/", 403}, {"evil.example.net:80", "/bucket/x", 403}, {"", "/", 403},
		{"evil.example.net", "/api/jobs", 204}, // the API's to refuse
	} {
		r := httptest.NewRequest("GET", tt.path, nil)
		r.Host = tt.host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("%s %s: %d, want %d", tt.host, tt.path, w.Code, tt.want)
		}
	}
}

func TestTokensAreKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	made, err := openTokens(durable.OS, dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := openTokens(durable.OS, dir)
	if err != nil {
		t.Fatal(err)
	}
	for role, prefix := range map[errand.Role]string{errand.RoleUser: "eru_", errand.RoleAgent: "era_", errand.RoleAdmin: "erd_"} {
		if !strings.HasPrefix(made[role], prefix) || made[role] != again[role] {
			t.Errorf("%s: %q, then %q", role, made[role], again[role])
		}
	}
	for _, f := range tokenFiles {
		info, err := os.Stat(filepath.Join(dir, f.file))
		if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f.file, info, err)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != len(tokenFiles) {
		t.Errorf("the directory has %v", entries)
	}
	for _, f := range tokenFiles {
		for _, content := range []string{"", "a\n", made[f.role][:20], strings.Repeat("\x00", 48), made[errand.RoleUser] + "\n" + made[errand.RoleUser], errand.NewToken(errand.RoleWorker, "w-12345678")} {
			if err := os.WriteFile(filepath.Join(dir, f.file), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := openTokens(durable.OS, dir); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, f.file)) {
				t.Errorf("%s with %q: %v", f.file, content, err)
			}
		}
		if err := os.Remove(filepath.Join(dir, f.file)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestJobExitError(t *testing.T) {
	t.Parallel()
	code := func(n int) *int { return &n }
	for _, tt := range []struct {
		job  api.Job
		want int
	}{
		{api.Job{Status: errand.Completed, ExitCode: code(0)}, 0},
		{api.Job{Status: errand.Completed, ExitCode: code(255)}, 255},
		{api.Job{Status: errand.Completed, ExitCode: code(256)}, 1},
		{api.Job{Status: errand.Completed, ExitCode: code(-1)}, 1},
		{api.Job{Status: errand.Completed}, 125},
		{api.Job{Status: errand.Failed, Reason: errand.ReasonTimedOut}, 124},
		{api.Job{Status: errand.Failed, Reason: errand.ReasonLost}, 125},
		{api.Job{Status: errand.Cancelled}, 130},
		{api.Job{Status: errand.Running}, 125},
	} {
		got := 0
		var e *terminal.ExitError
		if err := jobExitError(&tt.job); errors.As(err, &e) {
			got = e.Code
		}
		if got != tt.want {
			t.Errorf("%s %s: %d, want %d", tt.job.Status, tt.job.Reason, got, tt.want)
		}
	}
}

func TestSentName(t *testing.T) {
	t.Parallel()
	root := filepath.VolumeName(t.TempDir()) + string(filepath.Separator)
	for dir, want := range map[string]string{
		filepath.Join("x", "site/"): "site", "my site.zip": "my site.zip", root: "folder", "caf\xe9\n": "caf\ufffd\ufffd",
	} {
		got := sentName(dir)
		if got != want {
			t.Errorf("%q: got %q, want %q", dir, got, want)
		}
		request := errand.UploadRequest{Filename: got, Size: 1, SHA256: strings.Repeat("a", 64)}
		if err := request.Validate(); err != nil {
			t.Errorf("%q: %v", dir, err)
		}
	}
	if got := archiveName("site"); got != "site.zip" {
		t.Errorf("got %q", got)
	}
}

func TestCallGivesUp(t *testing.T) {
	t.Parallel()
	calls := 0
	_, err := callWithRetry(t.Context(), retryLimit{duration: time.Millisecond}, func(context.Context) (int, error) {
		calls++
		return 0, &api.ResponseError{Status: http.StatusServiceUnavailable}
	})
	if err == nil || calls == 0 {
		t.Errorf("%d calls, %v", calls, err)
	}
	calls = 0
	_, err = callWithRetry(t.Context(), retryLimit{duration: time.Hour, unreachable: true}, func(context.Context) (int, error) {
		calls++
		return 0, &api.ResponseError{Status: http.StatusNotFound}
	})
	if err == nil || calls != 1 {
		t.Errorf("a call that can't succeed was made %d times: %v", calls, err)
	}
}

// TestCallOnDeadConnection: a try that nobody answers ends in time for another one.
func TestCallOnDeadConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began, calls := time.Now(), 0
		_, err := callWithRetry(t.Context(), retryFirst, func(ctx context.Context) (int, error) {
			if calls++; calls > 1 {
				return 0, nil
			}
			<-ctx.Done()
			return 0, ctx.Err()
		})
		if took := time.Since(began); err != nil || calls != 2 || took < requestTimeout || took > requestTimeout+time.Second {
			t.Errorf("%d calls in %v, %v", calls, took, err)
		}
	})
}

// TestStalledUpload: an upload whose connection takes no more data ends.
func TestStalledUpload(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		client := &http.Client{Transport: stalls{}}
		err := putArchive(t.Context(), client, &errand.SignedRequest{Method: "PUT", URL: "http://storage"}, io.NewSectionReader(strings.NewReader("archive"), 0, 7))
		if took := time.Since(began); !errors.Is(err, errStalled) || took != stallsAfter+storageTimeout {
			t.Errorf("%v after %v", err, took)
		}
	})
}

// stallsAfter is when stalls has read what it reads of a request's body.
const stallsAfter = 50 * time.Second

type stalls struct{}

func (stalls) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(stallsAfter)
	if _, err := r.Body.Read(make([]byte, 3)); err != nil {
		return nil, err
	}
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// TestConflictOfAnAction: an admin's action is not repeated for what is so, other calls are.
func TestConflictOfAnAction(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		limit retryLimit
		want  int // calls
	}{{retryAction, 1}, {retryFirst, 2}} {
		calls := 0
		_, err := callWithRetry(t.Context(), tt.limit, func(context.Context) (int, error) {
			if calls++; calls == 2 {
				return 0, nil
			}
			return 0, &api.ResponseError{Status: http.StatusConflict, Problem: api.Problem{Code: errand.CodeConflict}}
		})
		if calls != tt.want || (err == nil) != (tt.want == 2) {
			t.Errorf("%+v: %d calls, %v", tt.limit, calls, err)
		}
	}
}

func TestCallAndNobodyListens(t *testing.T) {
	t.Parallel()
	refused := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	for _, tt := range []struct {
		limit retryLimit
		want  int // calls
	}{{retryLimit{duration: time.Hour}, 1}, {retryLimit{duration: time.Hour, unreachable: true}, 2}} {
		calls := 0
		_, err := callWithRetry(t.Context(), tt.limit, func(context.Context) (int, error) {
			if calls++; calls == 2 {
				return 0, nil
			}
			return 0, refused
		})
		if calls != tt.want || (err == nil) != tt.limit.unreachable {
			t.Errorf("%+v: %d calls, %v", tt.limit, calls, err)
		}
	}
}
