//go:build unix

package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/test/errandbin"
)

// TestServerKilledInDirectRun: the server is killed while it runs commands directly. The
// caller's connection breaks, and on Linux the commands end. The next server, which is alone
// with the data, knows at once that the run is lost. A repeated request is answered with that
// run: its commands don't run again.
func TestServerKilledInDirectRun(t *testing.T) {
	t.Parallel()
	if errandbin.Hostile() {
		t.Skip("in the normal profile only: the first request must not fail")
	}
	s := local(t, "0")
	g := newGate(t)
	in := api.Execute{Mode: api.ModeDirect, CreateJob: api.CreateJob{Commands: []errand.Command{{Shell: "echo pid=$$.; " + g.wait()}}, Watch: true}}
	broken := make(chan error, 1)
	token := s.token("user")
	go func() {
		resp, err := s.execute(token, in)
		if err == nil {
			resp.Body.Close()
		}
		broken <- err
	}()
	id := s.newest().ID
	follower := s.errand("logs", "-f", id)
	follower.stdout.await(t, ".\n")
	_, pid, _ := strings.Cut(strings.TrimSuffix(follower.stdout.String(), ".\n"), "pid=")
	s.kill()
	if err := <-broken; err == nil {
		t.Error("the request was answered")
	}
	if runtime.GOOS == "linux" {
		s.await("the commands end", func() bool { return !exists(t, pid) })
	}
	g.open()

	s = s.restart("0")
	job := s.newest()
	if job.ID != id || !job.Direct || job.Status != errand.Failed || job.Reason != errand.ReasonLost || job.LeaseSeconds != 50 {
		t.Errorf("after the restart: %+v", job)
	}
	if log := s.output("logs", id); log != "pid="+pid+".\n" {
		t.Errorf("the log is %q", log)
	}
	resp, err := again(t, func() (*http.Response, error) { return s.execute(token, in) })
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if location := resp.Header.Get("Location"); resp.StatusCode != http.StatusAccepted || !strings.HasSuffix(location, id) {
		t.Errorf("repeated: %s, %s", resp.Status, location)
	}
}

// execute sends a request with an idempotency key.
func (s *server) execute(token string, in api.Execute) (*http.Response, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequest(http.MethodPost, s.url+"/api/execute", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]string{"Authorization": "Bearer " + token, "Content-Type": "application/json", "Idempotency-Key": "once"} {
		req.Header.Set(name, value)
	}
	return http.DefaultClient.Do(req)
}

// exists reports whether there is a process.
func exists(t *testing.T, pid string) bool {
	n, err := strconv.Atoi(pid)
	if err != nil {
		t.Fatal(err)
	}
	return syscall.Kill(n, 0) == nil
}
