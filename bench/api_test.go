package bench

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/test/errandbin"
)

// A plane is a durable errand local in its own process without agents, and its
// callers.
type plane struct {
	user, worker *api.Client
	reg          errand.Registered
	latest       string // job
	polls        int
}

func startPlane(b testing.TB) *plane {
	b.Helper()
	dir := b.TempDir()
	bin, err := errandbin.Build(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(bin, "local", "--addr", "127.0.0.1:0", "--data", dir, "--agents", "0")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	url, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return newPlane(b, strings.TrimSpace(url), dir)
}

func newPlane(b testing.TB, url, dir string) *plane {
	b.Helper()
	client := &api.Client{BaseURL: url, HTTP: &http.Client{Transport: loopbackTransport(b)}}
	as := func(file string) *api.Client {
		token, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			b.Fatal(err)
		}
		return client.WithToken(strings.TrimSpace(string(token)))
	}
	reg, err := as("agent.token").Register(ctx, errand.Registration{Name: "bench", Slots: 1})
	if err != nil {
		b.Fatal(err)
	}
	return &plane{user: as("user.token"), worker: client.WithToken(reg.Token), reg: reg}
}

func (p *plane) create() error {
	job, err := p.user.CreateJob(ctx, api.CreateJob{Commands: []errand.Command{{Shell: "true"}}}, "")
	p.latest = job.ID
	return err
}

func (p *plane) status() error {
	_, err := p.user.Job(ctx, p.latest)
	return err
}

// assign takes a waiting job, which stays with the worker.
func (p *plane) assign() error {
	p.polls++
	a, err := p.worker.GetJob(ctx, p.reg.WorkerID, p.reg.Epoch, fmt.Sprintf("p%d", p.polls), 0)
	if err == nil && a == nil {
		err = fmt.Errorf("poll %d got no job", p.polls)
	}
	return err
}

func (p *plane) heartbeat() error {
	_, err := p.worker.Heartbeat(ctx, errand.Heartbeat{WorkerID: p.reg.WorkerID, Epoch: p.reg.Epoch})
	return err
}

// BenchmarkAPI measures how long one caller waits for errand local's API, over
// loopback and with everything that is acknowledged on disk, next to a server that
// does nothing.
func BenchmarkAPI(b *testing.B) {
	empty := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte("{}"))
	}))
	b.Cleanup(empty.Close)
	bare := &plane{user: &api.Client{BaseURL: empty.URL, Token: "t", HTTP: &http.Client{Transport: loopbackTransport(b)}}, latest: "x"}
	p := startPlane(b)
	floor := latency(b, bare.status, nil)
	note(b, row{subject: "a server that answers with nothing", value: floor.String()}, "bare-ns", float64(floor))
	for _, c := range []struct {
		name, target string
		op, before   func() error
	}{
		{"create a job", "< 5ms", p.create, nil},
		{"status", "< 1ms", p.status, nil},
		{"assign a job", "< 2ms", p.assign, p.create},
		{"heartbeat", "< 5ms", p.heartbeat, nil},
	} {
		d := latency(b, c.op, c.before)
		note(b, row{
			subject: c.name, value: d.String(), floor: "a server that answers with nothing", ratio: float64(d) / float64(floor), target: c.target,
		}, metric(c.name)+"-ns", float64(d))
	}
	for range b.N { // each iteration reports the median of calls() calls
	}
}

// calls is the number of calls per median.
func calls() int {
	if testing.Short() {
		return 50
	}
	return 1000
}

// latency returns the median duration of op. before runs before each op, unmeasured.
func latency(b testing.TB, op, before func() error) time.Duration {
	b.Helper()
	took := make([]float64, 0, calls())
	for range cap(took) {
		if before != nil {
			if err := before(); err != nil {
				b.Fatal(err)
			}
		}
		began := time.Now()
		if err := op(); err != nil {
			b.Fatal(err)
		}
		took = append(took, float64(time.Since(began)))
	}
	return time.Duration(median(took)).Round(time.Microsecond)
}

// TestAPIWorkloads runs each operation of the benchmark once.
func TestAPIWorkloads(t *testing.T) {
	p := startPlane(t)
	for _, op := range []func() error{p.create, p.status, p.assign, p.heartbeat} {
		if err := op(); err != nil {
			t.Error(err)
		}
	}
}
