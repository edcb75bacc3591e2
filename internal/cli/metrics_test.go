//go:build unix

package cli

import (
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLocalMetrics: an admin reads the metrics at the server's address, and anybody on
// this machine at --metrics-addr; /health is everybody's.
func TestLocalMetrics(t *testing.T) {
	t.Parallel()
	data, own := t.TempDir(), freeAddr(t)
	p := launchLocal(t, data, "--metrics-addr", own)
	if code, _, stderr := errandAt(t, p.first, data, "run", "--no-source", "-c", "exit 3"); code != 3 {
		t.Fatalf("run: %d, %s", code, stderr)
	}
	token := func(role string) string {
		b, err := os.ReadFile(filepath.Join(data, role+".token"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(b))
	}
	const ended = `errand_jobs_ended_total{outcome="failed",queue="default",reason="exit_code"} 1`
	for _, tt := range []struct {
		url, token string
		status     int
		want       string
	}{
		{p.first + "/metrics", token("admin"), http.StatusOK, ended},
		{p.first + "/metrics", token("admin"), http.StatusOK, `errand_workers{status="idle"} 1`},
		{p.first + "/metrics", token("admin"), http.StatusOK, `errand_api_requests_total{method="POST",route="/api/jobs/create",status="201"} 1`},
		{p.first + "/metrics", token("user"), http.StatusForbidden, `"code":"forbidden"`},
		{p.first + "/metrics", "", http.StatusUnauthorized, `"code":"unauthenticated"`},
		{p.first + "/health", "", http.StatusOK, "ok\n"},
		{"http://" + own + "/metrics", "", http.StatusOK, ended},
		{"http://" + own + "/health", "", http.StatusOK, "ok\n"},
		{"http://" + own + "/api/jobs", token("admin"), http.StatusNotFound, ""},
	} {
		if status, body := getWith(t, tt.url, tt.token); status != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("%s with %.4s: %d, want %d with %s:\n%s", tt.url, tt.token, status, tt.status, tt.want, body)
		}
	}
	p.interrupt()
	if code := p.wait(); code != 0 {
		t.Errorf("end: %d", code)
	}
}

// TestMetricsAddressIsLoopback: others would read the metrics without a token.
func TestMetricsAddressIsLoopback(t *testing.T) {
	t.Parallel()
	_, err := (&metricsFlags{"0.0.0.0:0"}).serveMetrics(http.NotFoundHandler(), newApp(io.Discard, io.Discard, noEnv).term.NewQuietLog())
	if err == nil || !strings.Contains(err.Error(), "--metrics-addr must be a loopback address") {
		t.Errorf("%v", err)
	}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func getWith(t *testing.T, url, token string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}
