//go:build unix

package e2e

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
)

// A cluster is servers of errand serve over one set of services: the embedded stack, or
// those that ERRAND_CLUSTER names, a file of NAME=VALUE lines that make test-cluster
// writes.
type cluster struct {
	t       *testing.T
	env     []string // of servers and provision
	stack   string   // its name, which no other test uses
	data    string   // with the tokens, as errand local's
	servers []*proc
	urls    []string
}

func newCluster(t *testing.T, settings ...string) *cluster {
	t.Helper()
	c := &cluster{t: t, stack: fmt.Sprintf("t%08x", rand.Uint32()), data: t.TempDir()}
	c.env = append(services(t), settings...)
	c.provision()
	for _, role := range []string{"user", "agent"} {
		p := startWith(t, c.env, "token", "create", "--role", role, "--owner", "me", "--table", c.stack+"-TokensTable",
			"--out", filepath.Join(c.data, role+".token"))
		if code := p.wait(); code != 0 {
			t.Fatalf("token create: exit code %d: %s", code, p.stderr)
		}
	}
	for range 2 {
		c.startServer("127.0.0.1:0")
	}
	return c
}

// services returns the variables that say where DynamoDB, SQS and S3 are.
func services(t *testing.T) []string {
	t.Helper()
	if file := os.Getenv("ERRAND_CLUSTER"); file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Fields(string(b))
	}
	p := start(t, "stack", "--addr", "127.0.0.1:0")
	p.stdout.await(t, "\n")
	at, _, _ := strings.Cut(p.stdout.String(), "\n")
	return []string{
		"AWS_ENDPOINT_URL_DYNAMODB=" + at, "AWS_ENDPOINT_URL_SQS=" + at, "AWS_ENDPOINT_URL_S3=" + at,
		"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
	}
}

// provision returns what it printed.
func (c *cluster) provision() string {
	c.t.Helper()
	p := startWith(c.t, c.env, "provision", "--stack-name", c.stack)
	if code := p.wait(); code != 0 {
		c.t.Fatalf("provision: exit code %d: %s", code, p.stderr)
	}
	return p.stdout.String()
}

func (c *cluster) startServer(addr string) *proc {
	c.t.Helper()
	p := startWith(c.t, c.env, "serve", "--stack-name", c.stack, "--addr", addr, "--sweep", "1s")
	p.stdout.await(c.t, "\n")
	at, _, _ := strings.Cut(p.stdout.String(), "\n")
	c.servers, c.urls = append(c.servers, p), append(c.urls, at)
	return p
}

// at is server i as a server for clients and agents.
func (c *cluster) at(i int) *server { return &server{proc: c.servers[i], url: c.urls[i], data: c.data} }

// TestServe runs jobs through two servers: the client is at one, the agent at the other.
func TestServe(t *testing.T) {
	t.Parallel()
	c := newCluster(t, "ERRAND_HEARTBEAT=500ms", "ERRAND_LEASE=4s", "ERRAND_SHORT_LEASE=3s")
	if out := c.provision(); strings.Contains(out, "created") || !strings.Contains(out, "table "+c.stack+"-JobsTable: exists") {
		t.Errorf("provision, run again, printed\n%s", out)
	}
	client, far := c.at(0), c.at(1)
	agent := far.agent(t.TempDir())

	t.Run("folder, live output, exit code", func(t *testing.T) {
		g := newGate(t)
		p := client.errand("run", files(t, map[string]string{"a.txt": "from the folder"}), "-c", "cat a.txt", "-c", g.wait(), "-c", "exit 3")
		p.stdout.await(t, "from the folder") // while the job runs
		g.open()
		if code := p.wait(); code != 3 {
			t.Errorf("exit code %d: %s", code, p.stderr)
		}
	})
	t.Run("artifacts", func(t *testing.T) {
		dir := files(t, map[string]string{"a.txt": "from the folder"})
		p := client.errand("run", dir, "--get", "out", "-c", "mkdir out; cat a.txt >out/b.txt")
		if code := p.wait(); code != 0 {
			t.Fatalf("exit code %d: %s", code, p.stderr)
		}
		_, said, _ := strings.Cut(p.stderr.String(), "errand: job ")
		id, _, _ := strings.Cut(said, "\n")
		to := t.TempDir()
		far.output("artifacts", "get", id, "--to", to) // from the other server
		for _, at := range []string{dir, to} {
			if got := readFile(t, at, "out/b.txt"); got != "from the folder" {
				t.Errorf("%s/out/b.txt has %q", at, got)
			}
		}
	})
	t.Run("cancel", func(t *testing.T) {
		id := client.submit("-c", newGate(t).wait())
		client.awaitJob(id, "running", running)
		client.output("cancel", "--wait", id)
		if job := client.job(id); job.Status != errand.Cancelled {
			t.Errorf("the job is %s", job.Status)
		}
	})
	t.Run("group", func(t *testing.T) {
		order := filepath.Join(t.TempDir(), "order")
		var last string
		for i := range 4 {
			last = c.at(i%2).submit("--group", "g", "-c", fmt.Sprintf("echo %d >>'%s'", i, order))
		}
		client.awaitJob(last, "ended", ended)
		if b, err := os.ReadFile(order); err != nil || string(b) != "0\n1\n2\n3\n" {
			t.Errorf("the jobs of the group ran in the order %q, %v", b, err)
		}
	})
	t.Run("schedule", func(t *testing.T) { c.testSchedule(t) })
	t.Run("agent killed", func(t *testing.T) {
		g, mark := newGate(t), filepath.Join(t.TempDir(), "mark")
		id := client.submit("--retries", "1", "-c", "touch '"+mark+"'; "+g.wait())
		awaitFile(t, mark) // a job is running from when the server gives it: the answer may not be at the agent yet
		agent.kill()
		client.agent(t.TempDir())
		client.awaitJob(id, "running again", func(j api.Job) bool { return j.Attempt == 2 && j.Status == errand.Running })
		g.open()
		if job := client.awaitJob(id, "ended", ended); job.Status != errand.Completed {
			t.Errorf("the job is %s", job.Status)
		}
	})
	t.Run("health", func(t *testing.T) {
		resp, err := http.Get(far.url + "/health")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("/health is answered with %d", resp.StatusCode)
		}
	})
	client.signal(syscall.SIGTERM)
	if code := client.wait(); code != 0 {
		t.Errorf("after SIGTERM, errand serve ended with %d", code)
	}
}

// testSchedule starts a job of a schedule by hand. If the cluster has services of its own,
// it also waits for a minute, at which both servers look for schedules that are due.
func (c *cluster) testSchedule(t *testing.T) {
	t.Helper()
	near, far, ctx := c.at(0), c.at(1), t.Context()
	_, _, err := near.client().CreateSchedule(ctx, api.CreateSchedule{
		Name: "minutes", Cron: "* * * * *", Job: api.CreateJob{Commands: []errand.Command{{Shell: "true"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	job, err := far.client().RunSchedule(ctx, "minutes", "")
	if err != nil {
		t.Fatal(err)
	}
	if job = near.awaitJob(job.ID, "ended", ended); job.Status != errand.Completed {
		t.Errorf("the job is %s", job.Status)
	}
	times := func() map[time.Time]int {
		jobs, err := far.client().ScheduleJobs(ctx, "minutes", "", "", 0, "")
		if err != nil {
			t.Fatal(err)
		}
		n := map[time.Time]int{}
		for _, j := range jobs.Jobs {
			if j.ScheduledAt != nil {
				n[*j.ScheduledAt]++
			}
		}
		return n
	}
	if os.Getenv("ERRAND_CLUSTER") != "" {
		for deadline := time.Now().Add(time.Minute + patience); len(times()) == 0; time.Sleep(time.Second) {
			if time.Now().After(deadline) {
				t.Fatal("no job at the minute")
			}
		}
		time.Sleep(5 * time.Second) // several sweeps of both
	}
	for at, n := range times() {
		if n != 1 {
			t.Errorf("%d jobs at %v", n, at)
		}
	}
	if err := near.client().DeleteSchedule(ctx, "minutes"); err != nil { // it would take the worker from the tests that follow
		t.Error(err)
	}
}

// TestServeProxiesObjects: a client that reaches only errand serve sends a folder.
func TestServeProxiesObjects(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	p := startWith(t, c.env, "serve", "--stack-name", c.stack, "--addr", "127.0.0.1:0", "--proxy-objects")
	p.stdout.await(t, "\n")
	at, _, _ := strings.Cut(p.stdout.String(), "\n")
	s := &server{proc: p, url: at, data: c.data}
	s.agent(t.TempDir())
	up, err := s.client().CreateUpload(t.Context(), errand.UploadRequest{SHA256: strings.Repeat("0", 64), Size: 1})
	if err != nil {
		t.Fatal(err)
	}
	if up.Put == nil || !strings.HasPrefix(up.Put.URL, s.url+"/") {
		t.Errorf("the upload goes to %+v, not to %s", up.Put, s.url)
	}
	run := s.errand("run", files(t, map[string]string{"a.txt": "through the proxy"}), "-c", "cat a.txt")
	if code := run.wait(); code != 0 || !strings.Contains(run.stdout.String(), "through the proxy") {
		t.Errorf("exit code %d, output %q, %s", code, run.stdout, run.stderr)
	}
	resp, err := http.Get(s.url + "/" + c.stack + "-bucket-000000000000/uploads/x")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("a request that is not presigned is answered with %d", resp.StatusCode)
	}
}

// TestServerOfClusterKilled kills one of two servers under load: no job is lost, and
// none runs twice.
func TestServerOfClusterKilled(t *testing.T) {
	t.Parallel()
	const jobs = 30
	c := newCluster(t)
	front := &server{proc: c.servers[0], url: balancer(t, c.urls), data: c.data}
	for range 2 {
		front.agent(t.TempDir(), "--jobs", "2")
	}
	ran := filepath.Join(t.TempDir(), "ran")
	ids := make([]string, jobs)
	var submitting sync.WaitGroup
	for i := range jobs {
		if i == jobs/3 {
			submitting.Wait()
			c.servers[1].kill()
		}
		submitting.Go(func() {
			job, err := again(t, func() (api.Job, error) {
				return front.client().CreateJob(t.Context(), api.CreateJob{
					Commands: []errand.Command{{Shell: fmt.Sprintf("echo %d >>'%s'; sleep 0.05", i, ran)}},
				}, fmt.Sprintf("%s-%d", c.stack, i))
			})
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = job.ID
		})
		if i%4 == 3 {
			submitting.Wait()
		}
	}
	submitting.Wait()
	c.startServer(strings.TrimPrefix(c.urls[1], "http://"))
	for i, id := range ids {
		if job := front.awaitJob(id, "ended", ended); job.Status != errand.Completed {
			t.Errorf("job %d is %s: %s", i, job.Status, job.Reason)
		}
	}
	b, err := os.ReadFile(ran)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(b))
	slices.Sort(lines)
	if once := slices.Compact(slices.Clone(lines)); len(lines) != jobs || len(once) != jobs {
		t.Errorf("%d commands ran, %d of them different, want %d", len(lines), len(once), jobs)
	}
}

// balancer passes requests to a server that can be reached, as a load balancer does.
func balancer(t *testing.T, urls []string) string {
	t.Helper()
	alive := func() *url.URL {
		for _, i := range rand.Perm(len(urls)) {
			to, err := url.Parse(urls[i])
			if err != nil {
				t.Fatal(err)
			}
			if conn, err := net.Dial("tcp", to.Host); err == nil {
				conn.Close()
				return to
			}
		}
		return &url.URL{Scheme: "http", Host: "127.0.0.1:1"} // none: 502
	}
	s := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(alive()) }})
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.URL
}
