package bench

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/test/errandbin"
)

// A farm is a durable errand local and its agents, each a process of its own, as on
// several machines.
type farm struct {
	bin, url, data string
	user           *api.Client
	server         *os.Process
	agents         []*os.Process
}

func startFarm(b testing.TB, agents, slots int, serverArgs ...string) *farm {
	b.Helper()
	bin, err := errandbin.Build(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	f := &farm{bin: bin, data: b.TempDir()}
	var line string
	f.server, line = f.start(b, append([]string{"local", "--addr", "127.0.0.1:0", "--data", f.data, "--agents", "0"}, serverArgs...)...)
	f.url = strings.TrimSpace(line)
	client := &api.Client{BaseURL: f.url, HTTP: &http.Client{Transport: loopbackTransport(b)}}
	token, err := os.ReadFile(f.tokenFile("user"))
	if err != nil {
		b.Fatal(err)
	}
	f.user = client.WithToken(strings.TrimSpace(string(token)))
	for range agents {
		cmd := exec.Command(bin, "agent", "--server", f.url, "--token-file", f.tokenFile("agent"), "--data", b.TempDir(), "--jobs", strconv.Itoa(slots))
		f.agents = append(f.agents, startProcess(b, cmd))
	}
	for { // until all have asked for work
		list, err := f.user.Workers(ctx, "")
		if err != nil {
			b.Fatal(err)
		}
		if len(list.Workers) == agents {
			return f
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (f *farm) tokenFile(name string) string { return filepath.Join(f.data, name+".token") }

// start starts errand and returns its first line.
func (f *farm) start(b testing.TB, args ...string) (*os.Process, string) {
	b.Helper()
	cmd := exec.Command(f.bin, args...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	p := startProcess(b, cmd)
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return p, line
}

func startProcess(b testing.TB, cmd *exec.Cmd) *os.Process {
	b.Helper()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	return cmd.Process
}

func (f *farm) create(b testing.TB, commands ...errand.Command) string {
	b.Helper()
	job, err := f.user.CreateJob(ctx, api.CreateJob{Commands: commands}, "")
	if err != nil {
		b.Fatal(err)
	}
	return job.ID
}

// wait follows the job's log to its end, as errand run does.
func (f *farm) wait(b testing.TB, id string) {
	b.Helper()
	for offset := int64(0); ; {
		page, err := f.user.Logs(ctx, id, 0, offset, 20*time.Second)
		if err != nil {
			b.Fatal(err)
		}
		if page.Done && page.Status.Terminal() {
			return
		}
		offset = page.Next
	}
}

// readStamp reads what date +%s%N has written.
func readStamp(b testing.TB, path string) time.Time {
	b.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	at, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return time.Unix(0, at)
}

// times are what one waits for a job, from before its creation.
type times struct{ acknowledged, started, done []float64 }

// latency runs n jobs one after another. The command writes when it started.
func (f *farm) latency(b testing.TB, n int) (t times) {
	b.Helper()
	stamp := filepath.Join(b.TempDir(), "started")
	for range n {
		began := time.Now()
		id := f.create(b, errand.Command{Shell: "date +%s%N >" + stamp})
		t.acknowledged = append(t.acknowledged, float64(time.Since(began)))
		f.wait(b, id)
		t.done = append(t.done, float64(time.Since(began)))
		t.started = append(t.started, float64(readStamp(b, stamp).Sub(began)))
	}
	return t
}

// throughput creates n jobs over four connections and returns how many ended in a
// second, until the last had.
func (f *farm) throughput(b testing.TB, n int) float64 {
	b.Helper()
	ids := make([]string, n)
	began := time.Now()
	inParallel(4, n, func(i int) { ids[i] = f.create(b, errand.Command{Argv: []string{"/bin/true"}}) })
	for _, id := range ids {
		f.wait(b, id)
	}
	return float64(n) / time.Since(began).Seconds()
}

// inParallel calls f with 0 to n-1 from that many goroutines.
func inParallel(workers, n int, f func(i int)) {
	next := make(chan int)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// cpuOf returns the CPU time of processes so far, without that of their children.
func cpuOf(b testing.TB, processes ...*os.Process) (sum time.Duration) {
	b.Helper()
	for _, p := range processes {
		own, _, err := readCPU(p.Pid)
		if err != nil {
			b.Fatal(err)
		}
		sum += own
	}
	return sum
}

// readCPU returns the CPU time of a process, and that of its children that have ended.
func readCPU(pid int) (own, children time.Duration, err error) {
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every architecture
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, err
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	at := func(i int) time.Duration {
		n, _ := strconv.Atoi(fields[i])
		return time.Duration(n) * tick
	}
	return at(11) + at(12), at(13) + at(14), nil // utime + stime, cutime + cstime
}

// supervisorCPU returns the CPU time of the agents' supervisors and, apart, of the commands
// that they ran.
func (f *farm) supervisorCPU() (own, commands time.Duration) {
	for _, a := range f.agents {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", a.Pid))
		for _, task := range tasks {
			text, _ := os.ReadFile(task) // a thread that has ended has none
			for _, child := range strings.Fields(string(text)) {
				pid, _ := strconv.Atoi(child)
				o, c, _ := readCPU(pid)
				own, commands = own+o, commands+c
			}
		}
	}
	return own, commands
}

// A leastJob is the lower bound of a durable job: three requests to a handler that
// appends to a file and syncs it, and a process between them.
type leastJob struct {
	client *http.Client
	url    string
}

func newLeastJob(b testing.TB) leastJob {
	h := newSynced(b, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	s := httptest.NewServer(h)
	b.Cleanup(s.Close)
	return leastJob{&http.Client{Transport: loopbackTransport(b)}, s.URL}
}

func (l leastJob) run() error {
	for i := range 3 { // create, assign, report
		res, err := l.client.Post(l.url, "application/json", strings.NewReader(`{"commands":["true"]}`))
		if err != nil {
			return err
		}
		res.Body.Close()
		if i == 1 {
			if err := exec.Command("/bin/sh", "-c", "true").Run(); err != nil {
				return err
			}
		}
	}
	return nil
}

// BenchmarkJobs measures what a user waits for a job that does nothing, and how many
// of them run in a second, next to the least that a durable job can take.
func BenchmarkJobs(b *testing.B) {
	least := newLeastJob(b)
	floor := latency(b, least.run, nil)
	const floorName = "three synced requests and sh -c true"
	note(b, row{subject: floorName, value: floor.String()}, "least-ns", float64(floor))
	n := calls() / 10
	f := startFarm(b, 1, 2)
	f.latency(b, 3)
	t := f.latency(b, max(n, 20))
	for _, m := range []struct {
		name, target string
		took         []float64
	}{
		{"acknowledged", "≤ 2ms", t.acknowledged}, {"started", "≤ 6ms", t.started}, {"done", "≤ 9ms", t.done},
		{"errand run -- true", "≤ 40ms", f.runs(b, max(n/2, 10))},
	} {
		d := time.Duration(median(m.took)).Round(10 * time.Microsecond)
		note(b, row{subject: m.name, value: d.String(), floor: floorName, ratio: float64(d) / float64(floor), target: m.target}, metric(m.name)+"-ns", float64(d))
	}
	f.measureThroughput(b, "2 slots", "≥ 165", 5*n, leastRate(b, least, 2, 5*n))
	startFarm(b, 2, 16).measureThroughput(b, "32 slots of 2 agents", "≥ 200", 5*n, leastRate(b, least, 32, 5*n))
	for range b.N { // each iteration reports medians of many jobs
	}
}

// runs returns the durations of errand run as a whole.
func (f *farm) runs(b testing.TB, n int) (took []float64) {
	b.Helper()
	for range n {
		cmd := exec.Command(f.bin, "run", "--server", f.url, "--token-file", f.tokenFile("user"), "--no-source", "--", "true")
		began := time.Now()
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		took = append(took, float64(time.Since(began)))
	}
	return took
}

func (f *farm) measureThroughput(b *testing.B, name, target string, n int, floor float64) {
	b.Helper()
	f.throughput(b, 64) // each slot has its supervisor
	server, agents := cpuOf(b, f.server), cpuOf(b, f.agents...)
	supervisors, commands := f.supervisorCPU()
	rate := f.throughput(b, n)
	server, agents = cpuOf(b, f.server)-server, cpuOf(b, f.agents...)-agents
	supervisorsAfter, commandsAfter := f.supervisorCPU()
	supervisors, commands = supervisorsAfter-supervisors, commandsAfter-commands
	note(b, row{
		subject: name, value: fmt.Sprintf("%.0f jobs/s", rate), floor: "the same requests by as many workers", ratio: rate / floor, target: target,
	}, metric(name)+"-jobs/s", rate)
	perJob := func(d time.Duration) string { return (d / time.Duration(n)).Round(10 * time.Microsecond).String() }
	note(b, row{
		subject: name + ", CPU of a job", value: perJob(server + agents + supervisors), target: "≤ 8ms",
	}, metric(name)+"-cpu-ns", float64((server+agents+supervisors)/time.Duration(n)))
	note(b, row{subject: name + ", CPU of its commands", value: perJob(commands)}, metric(name)+"-command-ns", float64(commands/time.Duration(n)))
	note(b, row{subject: name + ", of which server, agents and supervisors", value: perJob(server) + " + " + perJob(agents) + " + " + perJob(supervisors)}, metric(name)+"-server-ns", float64(server/time.Duration(n)))
}

// leastRate returns how many of the least jobs that many workers run in a second.
func leastRate(b testing.TB, l leastJob, workers, n int) float64 {
	b.Helper()
	began := time.Now()
	inParallel(workers, n, func(int) {
		if err := l.run(); err != nil {
			b.Error(err)
		}
	})
	return float64(n) / time.Since(began).Seconds()
}

// TestJobsWorkload runs the benchmark's jobs once.
func TestJobsWorkload(t *testing.T) {
	f := startFarm(t, 1, 2)
	f.latency(t, 1)
	f.throughput(t, 2)
	f.runs(t, 1)
	if err := newLeastJob(t).run(); err != nil {
		t.Error(err)
	}
}
