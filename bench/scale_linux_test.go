package bench

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
)

var (
	scaleJobs   = flag.Int("scale-jobs", 1_000_000, "how many jobs wait")
	scaleAgents = flag.Int("scale-agents", 5_000, "how many agents wait")
	scaleOutput = flag.Int64("scale-output", 1<<30, "how many bytes a job writes")
)

// BenchmarkScale measures errand local with many pending jobs, many waiting agents, and a
// job that writes much.
func BenchmarkScale(b *testing.B) {
	b.Run("output", benchOutput)
	b.Run("waiting", benchWaiting)
	b.Run("pending", benchPending)
	for range b.N { // each iteration reports its own figures
	}
}

// benchPending has two servers take turns, so that other load on the machine affects both
// alike.
func benchPending(b *testing.B) {
	few, many := newPending(b, startFarm(b, 0, 0)), newPending(b, startFarm(b, 0, 0))
	few.fill(b, 100)
	many.fill(b, 100)
	memory, disk := many.f.memory(b), many.f.disk(b)
	began := time.Now()
	n := max(*scaleJobs-100, 1)
	many.fill(b, n)
	rate := float64(n) / time.Since(began).Seconds()
	note(b, row{subject: "created", value: fmt.Sprintf("%.0f jobs/s", rate)}, "created-jobs/s", rate)
	per := func(total int64) float64 { return float64(total) / float64(n) }
	usedMemory, usedDisk := per(many.f.memory(b)-memory), per(many.f.disk(b)-disk)
	for range 50 {
		few.measure(b)
		many.measure(b)
	}
	for i, name := range []string{"assign", "list of pending jobs", "status", "cancel"} {
		was, is := median(few.took[i]), median(many.took[i])
		d := time.Duration(is).Round(10 * time.Microsecond)
		note(b, row{subject: name, value: d.String(), floor: "the same with 100 jobs", ratio: is / was, target: "≤ 1.20"}, metric(name)+"-ns", is)
	}
	note(b, row{subject: "memory of a job", value: fmt.Sprintf("%.0f bytes", usedMemory)}, "memory-bytes", usedMemory)
	note(b, row{subject: "disk of a job", value: fmt.Sprintf("%.0f bytes", usedDisk)}, "disk-bytes", usedDisk)
}

// pending creates jobs and takes some.
type pending struct {
	f      *farm
	worker *scaleWorker
	took   [4][]float64 // by an assignment, a list of pending jobs, a status, a cancellation
}

func newPending(b testing.TB, f *farm) *pending {
	w, err := newScaleWorker(f.agentClient(b), "taker")
	if err != nil {
		b.Fatal(err)
	}
	return &pending{f: f, worker: w}
}

func (p *pending) fill(b testing.TB, n int) {
	b.Helper()
	inParallel(16, n, func(int) { p.f.create(b, errand.Command{Argv: []string{"true"}}) })
}

// measure measures each once, and leaves as many jobs pending as there were.
func (p *pending) measure(b testing.TB) {
	b.Helper()
	timed := func(i int, op func() error) {
		began := time.Now()
		if err := op(); err != nil {
			b.Fatal(err)
		}
		p.took[i] = append(p.took[i], float64(time.Since(began)))
	}
	id := p.f.create(b, errand.Command{Argv: []string{"true"}})
	timed(1, func() error { _, err := p.f.user.Jobs(ctx, errand.Pending, "", 50, ""); return err })
	timed(2, func() error { _, err := p.f.user.Job(ctx, id); return err })
	timed(3, func() error { _, err := p.f.user.Cancel(ctx, id); return err })
	p.f.create(b, errand.Command{Argv: []string{"true"}})
	var taken api.Synced
	timed(0, func() (err error) { taken, err = p.worker.sync(ctx, 0, nil); return err })
	if len(taken.Attempts) != 1 {
		b.Fatal("no job was assigned")
	}
	if _, err := p.worker.report(ctx, taken.Attempts[0]); err != nil {
		b.Fatal(err)
	}
}

// A scaleWorker is a worker that runs nothing.
type scaleWorker struct {
	client *api.Client
	reg    errand.Registered
	polls  int
}

func newScaleWorker(agent *api.Client, name string) (*scaleWorker, error) {
	reg, err := agent.Register(ctx, errand.Registration{Name: name, Slots: 1})
	if err != nil {
		return nil, err
	}
	return &scaleWorker{client: agent.WithToken(reg.Token), reg: reg}, nil
}

// sync reports, and asks for a job.
func (w *scaleWorker) sync(ctx context.Context, wait time.Duration, reports []api.AttemptReport) (api.Synced, error) {
	w.polls++
	return w.client.Sync(ctx, api.Sync{WorkerID: w.reg.WorkerID, Epoch: w.reg.Epoch, PollID: strconv.Itoa(w.polls), Count: 1, Reports: reports}, wait)
}

// report reports that the attempt has ended, and asks for nothing.
func (w *scaleWorker) report(ctx context.Context, a *errand.Assignment) (api.Synced, error) {
	r := api.AttemptReport{JobID: a.JobID, Attempt: a.Attempt, Result: &errand.Result{}}
	return w.client.Sync(ctx, api.Sync{WorkerID: w.reg.WorkerID, Epoch: w.reg.Epoch, Reports: []api.AttemptReport{r}}, 0)
}

// fleet is many workers that wait for jobs and send heartbeats.
type fleet struct {
	farm            *farm
	workers         []*scaleWorker
	taken           chan string // IDs
	beats, failures atomic.Int64
	late            atomic.Int64 // heartbeats that took longer than their interval
}

// newFleet registers n workers.
func newFleet(b testing.TB, f *farm, n int) *fleet {
	b.Helper()
	t := &http.Transport{MaxIdleConnsPerHost: 2*n + 100}
	b.Cleanup(t.CloseIdleConnections)
	agent := f.agentClient(b)
	agent.HTTP = &http.Client{Transport: t}
	l := &fleet{farm: f, workers: make([]*scaleWorker, n), taken: make(chan string, 1)}
	inParallel(16, n, func(i int) {
		w, err := newScaleWorker(agent, fmt.Sprint("w", i))
		if err != nil {
			b.Error(err)
		}
		l.workers[i] = w
	})
	if b.Failed() {
		b.FailNow()
	}
	return l
}

// reach creates a job, and returns how long it takes until a worker has it.
func (l *fleet) reach(b testing.TB) time.Duration {
	b.Helper()
	began := time.Now()
	id := l.farm.create(b, errand.Command{Argv: []string{"true"}})
	if got := <-l.taken; got != id {
		b.Fatalf("job %s was taken, want %s", got, id)
	}
	return time.Since(began)
}

// run waits and sends heartbeats for each worker until ctx ends.
func (l *fleet) run(ctx context.Context) {
	var wg sync.WaitGroup
	for i, w := range l.workers {
		wg.Go(func() { l.poll(ctx, w) })
		wg.Go(func() {
			l.beat(ctx, w, time.Duration(i)*time.Duration(w.reg.HeartbeatMs)*time.Millisecond/time.Duration(len(l.workers)))
		})
	}
	wg.Wait()
}

func (l *fleet) poll(ctx context.Context, w *scaleWorker) {
	for ctx.Err() == nil {
		got, err := w.sync(ctx, 20*time.Second, nil)
		if err != nil && ctx.Err() == nil {
			l.failures.Add(1)
			time.Sleep(time.Second)
		}
		for _, a := range got.Attempts {
			l.taken <- a.JobID
			if _, err := w.report(ctx, a); err != nil && ctx.Err() == nil {
				l.failures.Add(1)
			}
		}
	}
}

func (l *fleet) beat(ctx context.Context, w *scaleWorker, first time.Duration) {
	for wait := first; ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		began := time.Now()
		answer, err := w.client.Heartbeat(ctx, errand.Heartbeat{WorkerID: w.reg.WorkerID, Epoch: w.reg.Epoch, Holds: []errand.Hold{}})
		if err != nil {
			if ctx.Err() == nil {
				l.failures.Add(1)
			}
			wait = time.Second
			continue
		}
		l.beats.Add(1)
		wait = time.Duration(answer.IntervalMs) * time.Millisecond
		if time.Since(began) > wait {
			l.late.Add(1)
		}
	}
}

func benchWaiting(b *testing.B) {
	n := *scaleAgents
	f := startFarm(b, 0, 0, "--max-connections", strconv.Itoa(max(4*n, 1000)))
	memory := f.memory(b)
	l := newFleet(b, f, n)
	waiting, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { defer close(ended); l.run(waiting) }()
	const settle = 15 * time.Second // all wait, and have sent a heartbeat
	time.Sleep(settle)
	server, began, beats := cpuOf(b, f.server), time.Now(), l.beats.Load()
	time.Sleep(settle)
	spent, rate := cpuOf(b, f.server)-server, float64(l.beats.Load()-beats)/time.Since(began).Seconds()
	var took []float64
	for range max(calls()/20, 5) {
		took = append(took, float64(l.reach(b)))
	}
	used := f.memory(b) - memory
	stop()
	<-ended
	note(b, row{subject: fmt.Sprintf("memory of the server with %d agents", n), value: fmt.Sprintf("%d MiB", used>>20), target: "< 1024 MiB"}, "memory-bytes", float64(used))
	note(b, row{subject: "CPU of the server while they wait", value: fmt.Sprintf("%.2f of a core", spent.Seconds()/settle.Seconds())}, "cpu-cores", spent.Seconds()/settle.Seconds())
	note(b, row{subject: "heartbeats answered", value: fmt.Sprintf("%.0f/s", rate)}, "beats/s", rate)
	note(b, row{subject: "requests that failed, heartbeats that came late", value: fmt.Sprintf("%d, %d", l.failures.Load(), l.late.Load()), target: "0, 0"}, "failures", float64(l.failures.Load()+l.late.Load()))
	d := time.Duration(median(took)).Round(10 * time.Microsecond)
	note(b, row{subject: "from the request for a job to a worker that has it", value: d.String(), target: "< 100ms"}, "reached-ns", float64(d))
}

func benchOutput(b *testing.B) {
	f := startFarm(b, 1, 1)
	f.wait(b, f.create(b, errand.Command{Argv: []string{"true"}})) // the slot has its supervisor
	server, agent := f.memory(b), peak(b, f.agents[0])
	id, took := f.write(b, *scaleOutput)
	rate := float64(*scaleOutput) / took.Seconds() / 1e6
	note(b, row{subject: fmt.Sprintf("a job that writes %d MB", *scaleOutput/1e6), value: fmt.Sprintf("%.0f MB/s", rate), target: "≥ 50 MB/s"}, "write-MB/s", rate)
	growth := func(name string, was, is int64) {
		note(b, row{subject: "growth of the " + name, value: fmt.Sprintf("%d MB", (is-was)/1e6), target: "< 100 MB"}, metric(name)+"-bytes", float64(is-was))
	}
	growth("server", server, peak(b, f.server))
	growth("agent", agent, peak(b, f.agents[0]))
	n, took := f.readBack(b, id)
	rate = float64(n) / took.Seconds() / 1e6
	note(b, row{subject: "errand logs", value: fmt.Sprintf("%.0f MB/s", rate), target: "≥ 100 MB/s"}, "read-MB/s", rate)
}

// write runs a job that writes n bytes.
func (f *farm) write(b testing.TB, n int64) (id string, took time.Duration) {
	b.Helper()
	const line = "0123456789012345678901234567890123456789012345678901234567890123456789012345678"
	began := time.Now()
	id = f.create(b, errand.Command{Shell: fmt.Sprintf("yes %s | head -c %d", line, n)})
	f.await(b, id)
	return id, time.Since(began)
}

// readBack returns how much errand logs writes of the job, and how long that takes.
func (f *farm) readBack(b testing.TB, id string) (n int64, took time.Duration) {
	b.Helper()
	cmd := exec.Command(f.bin, "logs", "--server", f.url, "--token-file", f.tokenFile("user"), id)
	written := &counter{}
	cmd.Stdout, cmd.Stderr = written, io.Discard
	began := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatal(err)
	}
	return written.n, time.Since(began)
}

// counter counts what is written to it.
type counter struct{ n int64 }

func (c *counter) Write(b []byte) (int, error) {
	c.n += int64(len(b))
	return len(b), nil
}

// await waits for the job's end, without its log.
func (f *farm) await(b testing.TB, id string) {
	b.Helper()
	for {
		job, err := f.user.Job(ctx, id)
		if err != nil {
			b.Fatal(err)
		}
		if job.Status == errand.Completed {
			return
		}
		if job.Status.Terminal() {
			b.Fatalf("the job is %s: %s", job.Status, job.Error)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (f *farm) agentClient(b testing.TB) *api.Client {
	b.Helper()
	token, err := os.ReadFile(f.tokenFile("agent"))
	if err != nil {
		b.Fatal(err)
	}
	return f.user.WithToken(strings.TrimSpace(string(token)))
}

// memory is the resident memory of the server now, in bytes.
func (f *farm) memory(b testing.TB) int64 { return statusBytes(b, f.server, "VmRSS:") }

// peak is the most resident memory that a process had so far.
func peak(b testing.TB, p *os.Process) int64 { return statusBytes(b, p, "VmHWM:") }

func statusBytes(b testing.TB, p *os.Process, field string) int64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), field)
	var kB int64
	if _, err := fmt.Sscan(rest, &kB); err != nil {
		b.Fatal(err)
	}
	return kB << 10
}

// disk is the size of the server's data.
func (f *farm) disk(b testing.TB) (size int64) {
	b.Helper()
	err := filepath.WalkDir(f.data, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			size += info.Size()
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		b.Fatal(err)
	}
	return size
}

// TestScaleWorkload runs the benchmark's parts in a small form.
func TestScaleWorkload(t *testing.T) {
	f := startFarm(t, 1, 1)
	id, _ := f.write(t, 1<<20)
	if n, _ := f.readBack(t, id); n != 1<<20 {
		t.Errorf("errand logs wrote %d bytes, want %d", n, 1<<20)
	}
	f = startFarm(t, 0, 0)
	p := newPending(t, f)
	p.fill(t, 20)
	p.measure(t)
	if f.memory(t) <= 0 || f.disk(t) <= 0 {
		t.Error("memory and disk are not measured")
	}
	l := newFleet(t, startFarm(t, 0, 0), 20)
	waiting, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); l.run(waiting) }()
	l.reach(t)
	stop()
	<-ended
	if n := l.failures.Load(); n > 0 {
		t.Errorf("%d requests failed", n)
	}
}
