//go:build unix

package e2e

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestAttack: strangers hold more connections than the server serves, with bodies that
// stop, and then one user holds as many requests as it can. Others go on.
func TestAttack(t *testing.T) {
	s := local(t, "0", "--max-connections", "32")
	job := s.submit("-c", "true")
	for _, attack := range []struct{ name, request string }{
		{"bodies that stop", "POST /api/jobs/create HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{"},
		{"held requests", "GET /api/jobs/logs?wait=20&jobId=" + job + " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + s.token("user") + "\r\n\r\n"},
	} {
		for range 48 {
			conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			if _, err := fmt.Fprint(conn, attack.request); err != nil {
				t.Logf("%s: %v", attack.name, err) // it was closed for another one
			}
		}
		var longest time.Duration
		for range 20 {
			began := time.Now()
			if got := s.listAsAdmin(); got != http.StatusOK {
				t.Errorf("%s: another caller got status %d", attack.name, got)
			}
			longest = max(longest, time.Since(began))
		}
		t.Logf("%s: the longest wait of 20 new connections of another caller: %s", attack.name, longest.Round(time.Millisecond))
	}
	select {
	case <-s.done:
		t.Error("the server ended")
	default:
	}
}

// listAsAdmin lists jobs over a new connection, and returns the status.
func (s *server) listAsAdmin() int {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+"/api/jobs?limit=1", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.token("admin"))
	req.Close = true
	client := &http.Client{Timeout: patience}
	resp, err := client.Do(req)
	if err != nil {
		s.t.Error(err)
		return 0
	}
	defer func() { _ = resp.Body.Close() }()
	return resp.StatusCode
}
