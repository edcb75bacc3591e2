package metrics

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/test/apistack"
)

// TestDashboard: each metric that the dashboard names exists, and docs/metrics.md names
// each metric that exists.
func TestDashboard(t *testing.T) {
	t.Parallel()
	server, agent := NewServer("test"), NewAgent("test", 1)
	server.WatchQueues(apistack.New(t).Service)
	agent.WatchJobs(func() int { return 0 })
	named := func(file ...string) map[string]bool {
		b, err := os.ReadFile(filepath.Join(append([]string{"..", ".."}, file...)...))
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]bool{}
		for _, name := range regexp.MustCompile(`\berrand_[a-z_]+\b`).FindAllString(string(b), -1) {
			all[name] = true
		}
		return all
	}
	dashboard := named("infra", "grafana", "errand.json")
	if len(dashboard) < 15 {
		t.Errorf("the dashboard names %v", dashboard)
	}
	for name := range dashboard {
		if !server.names[name] && !agent.names[name] {
			t.Errorf("the dashboard names %s, which does not exist", name)
		}
	}
	docs := named("docs", "metrics.md")
	for _, names := range []map[string]bool{server.names, agent.names} {
		for name := range names {
			if base := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, ""); !docs[name] && !docs[base] {
				t.Errorf("docs/metrics.md lacks %s", name)
			}
		}
	}
}

// TestDashboardLatency: the dashboard's latency of the API leaves out the routes whose
// requests may be held, which are those with a parameter wait, and no other but execute.
func TestDashboardLatency(t *testing.T) {
	t.Parallel()
	dashboard, err := os.ReadFile(filepath.Join("..", "..", "infra", "grafana", "errand.json"))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`request_seconds_bucket\{route!~\\"([^"\\]+)`).FindSubmatch(dashboard)
	if m == nil {
		t.Fatal("the dashboard has no latency of the API")
	}
	leftOut := regexp.MustCompile("^(?:" + string(m[1]) + ")$")
	spec, err := os.ReadFile(filepath.Join("..", "..", "docs", "openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	paths, held := strings.Split(string(spec), "\n  /api/")[1:], 0
	for _, text := range paths {
		path, _, _ := strings.Cut("/api/"+text, ":")
		isHeld := strings.Contains(text, "{ name: wait,")
		if isHeld {
			held++
		}
		if isLong := isHeld || path == "/api/execute"; isLong != leftOut.MatchString(path) {
			t.Errorf("%s: held %v, left out %v", path, isHeld, !isHeld)
		}
	}
	if held < 5 {
		t.Errorf("%d of %d routes may be held", held, len(paths))
	}
}

// TestWaitBeginsInTheQueue: the time that a job waited for its time, or for other jobs, is
// no time in its queue.
func TestWaitBeginsInTheQueue(t *testing.T) {
	t.Parallel()
	m, at := NewServer("test"), time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	before := errand.StateRecord{Queue: "default", Status: errand.Pending, CreatedAt: at, ReleasedAt: at.Add(24 * time.Hour)}
	after := before
	after.Status, after.Attempt, after.StartedAt = errand.Running, 1, at.Add(24*time.Hour+3*time.Second)
	m.Observe(before, after)
	if got := scrape(t, m); !strings.Contains(got, `errand_job_wait_seconds_sum{queue="default"} 3`+"\n") {
		t.Errorf("waited other than 3 seconds:\n%s", got)
	}
}

// TestServerMetrics: what becomes of jobs and requests is counted, and no owner, job or
// command is a label.
func TestServerMetrics(t *testing.T) {
	t.Parallel()
	s := apistack.New(t)
	m := NewServer("1.2.3")
	s.Service.Observe = m.Observe
	m.WatchQueues(s.Service)
	user := s.Client(s.User)
	m.requests.observe(httptest.NewRequest(http.MethodGet, "/api/jobs", nil), 200, time.Millisecond)
	m.requests.observe(httptest.NewRequest(http.MethodGet, "/api/jobs/SECRET", nil), 404, time.Millisecond)
	m.requests.observe(httptest.NewRequest("BREW", "/api/jobs", nil), 405, time.Millisecond)
	k := s.Worker(t)
	create := func() string {
		t.Helper()
		j, err := user.CreateJob(t.Context(), apistack.Job("secret-command"), "")
		if err != nil {
			t.Fatal(err)
		}
		return j.ID
	}
	ran, cancelled, waits := create(), create(), create()
	if _, err := user.Cancel(t.Context(), cancelled); err != nil {
		t.Fatal(err)
	}
	k.Run(t, 3)
	s.Advance(time.Minute)
	got := scrape(t, m)
	for _, want := range []string{
		`errand_jobs{queue="default",status="pending"} 1`, `errand_jobs{queue="default",status="running"} 0`, `errand_jobs{queue="gpu",status="pending"} 0`,
		`errand_jobs_created_total{queue="default"} 3`,
		`errand_jobs_ended_total{outcome="cancelled",queue="default",reason="cancelled"} 1`, `errand_jobs_ended_total{outcome="failed",queue="default",reason="exit_code"} 1`,
		`errand_job_attempts_total{queue="default"} 1`, `errand_job_wait_seconds_count{queue="default"} 1`, `errand_job_run_seconds_count{outcome="failed",queue="default"} 1`,
		`errand_oldest_pending_seconds{queue="default"} 60.`, `errand_oldest_pending_seconds{queue="gpu"} 0`,
		`errand_api_requests_total{method="GET",route="/api/jobs",status="200"} 1`, `errand_api_requests_total{method="other",route="other",status="404"} 1`,
		`errand_api_requests_total{method="other",route="other",status="405"} 1`,
		`errand_build_info{`, `go_goroutines `,
	} {
		if !strings.Contains(got, "\n"+want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	for _, secret := range []string{ran, cancelled, waits, apistack.Owner, "secret-command", "SECRET", k.WorkerID} {
		if strings.Contains(got, secret) {
			t.Errorf("the metrics have %s", secret)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
}

func scrape(t *testing.T, m *Server) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return "\n" + w.Body.String()
}

// TestAgentMetrics: requests are counted by route, also those that fail.
func TestAgentMetrics(t *testing.T) {
	t.Parallel()
	a := NewAgent("test", 2)
	a.WatchJobs(func() int { return 1 })
	fail := false
	c := &http.Client{Transport: a.Transport(transport(func(r *http.Request) (*http.Response, error) {
		if fail {
			return nil, io.ErrUnexpectedEOF
		}
		return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody, Request: r}, nil
	}))}
	for _, path := range []string{"/api/jobs/get-job", "/bucket/uploads/ann/secret"} {
		resp, err := c.Get("http://errand.example" + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	fail = true
	if resp, err := c.Get("http://errand.example/api/jobs/get-job"); err == nil {
		resp.Body.Close()
		t.Error("no error")
	}
	w := httptest.NewRecorder()
	a.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, want := range []string{
		`errand_agent_requests_total{method="GET",route="/api/jobs/get-job",status="204"} 1`, `errand_agent_requests_total{method="GET",route="/api/jobs/get-job",status="0"} 1`,
		`errand_agent_requests_total{method="other",route="other",status="204"} 1`, "errand_agent_jobs 1", "errand_agent_slots 2",
	} {
		if !strings.Contains(w.Body.String(), "\n"+want) {
			t.Errorf("the metrics lack %s:\n%s", want, w.Body)
		}
	}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestOutcome(t *testing.T) {
	t.Parallel()
	zero, three := 0, 3
	for _, tt := range []struct {
		st        errand.StateRecord
		how, want string
	}{
		{errand.StateRecord{Status: errand.Completed, ExitCode: &zero}, "succeeded", ""},
		{errand.StateRecord{Status: errand.Completed, ExitCode: &three}, "failed", "exit_code"},
		{errand.StateRecord{Status: errand.Failed, Reason: errand.ReasonLost}, "failed", "lost"},
		{errand.StateRecord{Status: errand.Cancelled, Reason: errand.ReasonCancelled}, "cancelled", "cancelled"},
	} {
		if how, why := outcome(&tt.st); how != tt.how || why != tt.want {
			t.Errorf("%s, %s", how, why)
		}
	}
}
