//go:build unix

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
)

// TestServeRate prints how many no-op jobs (ERRAND_CLUSTER_JOBS) run in a second through
// one server, and through two over the same services: while 16 callers each create a job
// and follow it to its end, and while as many jobs wait as there are. It checks no time.
func TestServeRate(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("ERRAND_CLUSTER_JOBS"))
	if err != nil || n < 1 {
		t.Skip("skipped: ERRAND_CLUSTER_JOBS, the number of jobs to measure with, is not set; make bench-cluster sets it")
	}
	for _, servers := range []int{1, 2, 1, 2} {
		t.Run(fmt.Sprintf("servers=%d", servers), func(t *testing.T) {
			c := newCluster(t)
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}
			t.Cleanup(client.CloseIdleConnections)
			var agents []*proc
			for i := range 2 {
				agents = append(agents, c.at(i%servers).agent(t.TempDir(), "--jobs", "4"))
			}
			c.runJobs(servers, client, 20) // warms up
			own, services := pids(append(agents, c.servers...)), servicePIDs(t)
			measure := func(what string, run func() time.Duration) {
				own0, services0 := cpu(t, own), cpu(t, services)
				took := run()
				used, theirs := cpu(t, own)-own0, cpu(t, services)-services0
				t.Logf("%d jobs, %d servers, %s: %.0f jobs/s, %.0f ms for each of 16; CPU of servers and agents: %.1f ms a job, %.1f of %d cores; of the services: %.1f",
					n, servers, what, float64(n)/took.Seconds(), 16*float64(took.Milliseconds())/float64(n), float64(used.Milliseconds())/float64(n),
					used.Seconds()/took.Seconds(), runtime.NumCPU(), theirs.Seconds()/took.Seconds())
			}
			measure("16 followers", func() time.Duration { return c.runJobs(servers, client, n) })
			measure("all waiting", func() time.Duration { return c.drainJobs(servers, client, n) })
			for _, p := range agents {
				p.signal(syscall.SIGTERM)
			}
		})
	}
}

// runJobs creates jobs through the servers, 16 at a time, and waits for all.
func (c *cluster) runJobs(servers int, client *http.Client, n int) time.Duration {
	c.t.Helper()
	begun := time.Now()
	var running sync.WaitGroup
	slots := make(chan struct{}, 16)
	for i := range n {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			api := &api.Client{BaseURL: c.urls[i%servers], Token: c.at(0).token("user"), HTTP: client}
			if err := runJob(c.t, api); err != nil {
				c.t.Error(err)
			}
		})
	}
	running.Wait()
	return time.Since(begun)
}

// drainJobs creates jobs through the servers, 16 at a time, and waits until all are over.
func (c *cluster) drainJobs(servers int, client *http.Client, n int) time.Duration {
	c.t.Helper()
	begun := time.Now()
	var creating sync.WaitGroup
	slots := make(chan struct{}, 16)
	caller := func(i int) *api.Client {
		return &api.Client{BaseURL: c.urls[i%servers], Token: c.at(0).token("user"), HTTP: client}
	}
	for i := range n {
		slots <- struct{}{}
		creating.Go(func() {
			defer func() { <-slots }()
			if _, err := caller(i).CreateJob(c.t.Context(), api.CreateJob{Commands: []errand.Command{{Argv: []string{"true"}}}}, ""); err != nil {
				c.t.Error(err)
			}
		})
	}
	creating.Wait()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for active := true; active; <-tick.C {
		active = false
		for _, status := range []errand.Status{errand.Pending, errand.Running} {
			page, err := caller(0).Jobs(c.t.Context(), status, "", 1, "")
			if err != nil {
				c.t.Fatal(err)
			}
			active = active || len(page.Jobs) > 0
		}
	}
	return time.Since(begun)
}

// runJob creates a job and follows its log to the end.
func runJob(t *testing.T, client *api.Client) error {
	job, err := client.CreateJob(t.Context(), api.CreateJob{Commands: []errand.Command{{Argv: []string{"true"}}}}, "")
	if err != nil {
		return err
	}
	for offset := int64(0); ; {
		page, err := client.Logs(t.Context(), job.ID, 0, offset, 20*time.Second)
		if err != nil || page.Done && page.Status.Terminal() {
			return err
		}
		offset = page.Next
	}
}

func pids(procs []*proc) (all []int) {
	for _, p := range procs {
		all = append(all, p.cmd.Process.Pid)
	}
	return all
}

// servicePIDs are the processes of DynamoDB, SQS and S3, as scripts/test-cluster names them.
func servicePIDs(t *testing.T) (all []int) {
	for _, f := range strings.Fields(os.Getenv("ERRAND_CLUSTER_PIDS")) {
		pid, err := strconv.Atoi(f)
		if err != nil {
			t.Fatalf("ERRAND_CLUSTER_PIDS: %v", err)
		}
		all = append(all, pid)
	}
	return all
}

// cpu is the CPU time that processes used so far, by Linux's /proc.
func cpu(t *testing.T, pids []int) time.Duration {
	t.Helper()
	const tick = 10 * time.Millisecond // USER_HZ is 100 on all Linux
	var sum time.Duration
	for _, pid := range pids {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			t.Skipf("skipped: no CPU times on this platform: %v", err)
		}
		fields := strings.Fields(string(b)[strings.LastIndexByte(string(b), ')')+2:])
		for _, f := range fields[11:13] { // utime and stime
			n, err := strconv.Atoi(f)
			if err != nil {
				t.Fatal(err)
			}
			sum += time.Duration(n) * tick
		}
	}
	return sum
}
