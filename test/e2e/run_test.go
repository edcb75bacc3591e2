//go:build unix

package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
)

// TestOneJob: a folder goes in, its commands run, streams stay apart, the exit
// code comes out.
func TestOneJob(t *testing.T) {
	t.Parallel()
	s := local(t, "1")
	dir := files(t, map[string]string{"hello.txt": "hello\n", "sub/script.sh": "#!/bin/sh\necho from $0\n"})
	p := s.errand("run", dir, "-c", "cat hello.txt", "-c", "sub/script.sh", "-c", "echo oops >&2", "-c", "exit 3", "-c", "echo never")
	if code := p.wait(); code != 3 {
		t.Errorf("exit code %d, want 3; stderr:\n%s", code, p.stderr)
	}
	if got := p.stdout.String(); got != "hello\nfrom sub/script.sh\n" {
		t.Errorf("stdout %q", got)
	}
	if got := p.stderr.String(); !strings.Contains(got, "oops\n") || strings.Contains(got, "$ echo never") {
		t.Errorf("stderr %q", got)
	}
	job := s.newest()
	if job.Status != errand.Completed || *job.ExitCode != 3 || len(job.Result.Commands) != 4 {
		t.Errorf("job %+v", job)
	}
}

// TestArgv: what stands behind -- is a program and its arguments, not a shell line.
func TestArgv(t *testing.T) {
	t.Parallel()
	s := local(t, "1")
	if got := s.output("run", "--no-source", "--", "printf", "%s|", "a b", "$HOME", "*"); got != "a b|$HOME|*|" {
		t.Errorf("stdout %q", got)
	}
}

// TestLive: the client sees what a command says while it runs: the command waits
// until the client has seen it.
func TestLive(t *testing.T) {
	t.Parallel()
	s := local(t, "1")
	g := newGate(t)
	p := s.errand("run", "--no-source", "-c", "echo a; echo c >&2; "+g.wait()+"; echo b")
	p.stdout.await(t, "a\n")
	p.stderr.await(t, "c\n")
	g.open()
	if code := p.wait(); code != 0 || p.stdout.String() != "a\nb\n" {
		t.Errorf("exit code %d, stdout %q", code, p.stdout)
	}
}

// TestLiveByTheClock: a command says a, waits 3 s, says b: a reaches the client
// at least 2 s before b. A machine that is too busy to be quick gets more tries.
func TestLiveByTheClock(t *testing.T) {
	t.Parallel()
	s := local(t, "1")
	var gap time.Duration
	for try := 0; try < 5 && gap < 2*time.Second; try++ {
		p := s.errand("run", "--no-source", "-c", "echo a; sleep 3; echo b")
		if code := p.wait(); code != 0 {
			t.Fatalf("exit code %d; stderr:\n%s", code, p.stderr)
		}
		gap = p.stdout.arrived(t, "b\n").Sub(p.stdout.arrived(t, "a\n"))
		t.Logf("a came %v before b", gap.Round(time.Millisecond))
	}
	if gap < 2*time.Second {
		t.Errorf("a came only %v before b", gap)
	}
}

// TestConcurrentJobs: several workers, several jobs at a time on one.
func TestConcurrentJobs(t *testing.T) {
	t.Parallel()
	s := local(t, "0")
	s.agent(t.TempDir(), "--jobs", "2", "--name", "one")
	s.agent(t.TempDir(), "--jobs", "1", "--name", "two")
	g := newGate(t)
	var ids []string
	for range 4 {
		ids = append(ids, s.submit("--no-source", "-c", g.wait()))
	}
	s.awaitRunning(ids, 3)
	workers := map[string]bool{}
	g.open()
	for _, id := range ids {
		workers[s.awaitJob(id, "completed", ended).WorkerID] = true
	}
	if len(workers) != 2 {
		t.Errorf("%d workers ran the jobs, want 2", len(workers))
	}
}

// awaitRunning waits until n of the jobs run, while the others wait. Which these
// are is the order's business, which has tests of its own.
func (s *server) awaitRunning(ids []string, n int) {
	s.t.Helper()
	limit := time.After(patience)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		count := map[errand.Status]int{}
		for _, id := range ids {
			job, err := again(s.t, func() (api.Job, error) { return s.client().Job(s.t.Context(), id) })
			if err != nil {
				s.t.Fatal(err)
			}
			count[job.Status]++
		}
		if count[errand.Running] == n && count[errand.Pending] == len(ids)-n {
			return
		}
		if count[errand.Running] > n {
			s.t.Fatalf("%v: more jobs run than there are slots", count)
		}
		select {
		case <-limit:
			s.t.Fatalf("%v, want %d running", count, n)
		case <-tick.C:
		}
	}
}

// TestManyCommands: a job of 300 commands, each with its own result.
func TestManyCommands(t *testing.T) {
	t.Parallel()
	s := local(t, "1")
	args := []string{"run", "--no-source"}
	var want strings.Builder
	for i := range 300 {
		args = append(args, "-c", fmt.Sprintf("echo %d", i))
		fmt.Fprintf(&want, "%d\n", i)
	}
	if got := s.output(args...); got != want.String() {
		t.Errorf("stdout has %d bytes, want %d", len(got), want.Len())
	}
}

// TestBinaryOutput: bytes that aren't UTF-8 and a line of 10 MB come out as they went in.
func TestBinaryOutput(t *testing.T) {
	t.Parallel()
	s := local(t, "1")
	blob := make([]byte, 100_000)
	for i := range blob {
		blob[i] = byte(i * 7)
	}
	line := bytes.Repeat([]byte("0123456789"), 1<<20)
	dir := files(t, map[string]string{"blob": string(blob), "line": string(line)})
	got := s.output("run", dir, "-c", "cat blob", "-c", "cat line")
	if want := string(blob) + string(line); got != want {
		t.Errorf("got %d bytes, SHA-256 %s; want %d, %s", len(got), sum(got), len(want), sum(want))
	}
}

func sum(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:4])
}

// maxRSS is the peak of a process that has ended, in KB on Linux.
func maxRSS(p *proc) int64 { return p.cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss }

// TestLargeArchive: 200 MB through client, server and agent. The client may grow by 70 MB,
// the others by 100.
func TestLargeArchive(t *testing.T) {
	s := local(t, "0")
	a := s.agent(t.TempDir())
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "big"))
	if err != nil {
		t.Fatal(err)
	}
	chunk := make([]byte, 1<<20)
	x := uint64(88172645463325252)
	for range 200 {
		for i := 0; i < len(chunk); i += 8 {
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
			for j := range 8 {
				chunk[i+j] = byte(x >> (8 * j))
			}
		}
		if _, err := f.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	warm := s.errand("run", "--no-source", "-c", "true")
	if code := warm.wait(); code != 0 {
		t.Fatalf("exit code %d; stderr:\n%s", code, warm.stderr)
	}
	before := [2]int{peakRSS(t, s.cmd.Process.Pid), peakRSS(t, a.cmd.Process.Pid)}
	client := s.errand("run", dir, "-c", "wc -c < big")
	if code, got := client.wait(), strings.TrimSpace(client.stdout.String()); code != 0 || got != "209715200" {
		t.Errorf("exit code %d, the file arrived with %s bytes; stderr:\n%s", code, got, client.stderr)
	}
	// A program's own pages count, and how many of them depends on the machine's page cache.
	// It had 30 MB here before it sent anything: 100 in all.
	if grown := maxRSS(client) - maxRSS(warm); grown > 70<<10 {
		t.Errorf("the client has grown by %d MB", grown>>10)
	}
	for i, pid := range []int{s.cmd.Process.Pid, a.cmd.Process.Pid} {
		grown := peakRSS(t, pid) - before[i]
		t.Logf("%s: peak RSS %d MB, grown by %d MB", []string{"server", "agent"}[i], peakRSS(t, pid)>>10, grown>>10)
		if grown > 100<<10 {
			t.Errorf("%s has grown by %d MB", []string{"server", "agent"}[i], grown>>10)
		}
	}
}

// peakRSS is a process's highest resident memory so far, in KB.
func peakRSS(t *testing.T, pid int) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Skipf("no /proc on this system: %v", err)
	}
	for line := range strings.SplitSeq(string(b), "\n") {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("no VmHWM")
	return 0
}

// TestWorkerKeepsItsID over a restart.
func TestWorkerKeepsItsID(t *testing.T) {
	t.Parallel()
	s := local(t, "0")
	data := t.TempDir()
	var ids []string
	for range 2 {
		a := s.agent(data)
		id := s.submit("--no-source", "-c", "true")
		ids = append(ids, s.awaitJob(id, "completed", ended).WorkerID)
		a.signal(syscall.SIGTERM)
		if code := a.wait(); code != 0 {
			t.Errorf("the drained agent's exit code is %d; stderr:\n%s", code, a.stderr)
		}
	}
	if ids[0] == "" || ids[0] != ids[1] {
		t.Errorf("worker %q became %q", ids[0], ids[1])
	}
}

// TestCancel: Ctrl-C ends the job, and its processes.
func TestCancel(t *testing.T) {
	t.Parallel()
	s := local(t, "1", "--heartbeat", "500ms")
	g := newGate(t)
	p := s.errand("run", "--no-source", "-c", "echo started; "+g.wait())
	p.stdout.await(t, "started")
	p.signal(syscall.SIGINT)
	if code := p.wait(); code != 130 {
		t.Errorf("exit code %d, want 130; stderr:\n%s", code, p.stderr)
	}
	if job := s.newest(); job.Status != errand.Cancelled || job.Reason != errand.ReasonCancelled {
		t.Errorf("job %+v", job)
	}
}

// TestTimeout ends with 124.
func TestTimeout(t *testing.T) {
	t.Parallel()
	s := local(t, "1")
	p := s.errand("run", "--no-source", "--timeout", "1s", "-c", "echo started", "-c", newGate(t).wait())
	if code := p.wait(); code != 124 {
		t.Errorf("exit code %d, want 124; stderr:\n%s", code, p.stderr)
	}
}

// TestDirect runs commands at once, in a process that knows none of our secrets.
func TestDirect(t *testing.T) {
	t.Parallel()
	s := local(t, "0")
	res, err := again(t, func() (api.Executed, error) {
		return s.client().Execute(t.Context(), api.Execute{Mode: api.ModeDirect, CreateJob: api.CreateJob{
			Commands: []errand.Command{{Shell: "echo out; echo err >&2"}, {Shell: "env"}, {Shell: "exit 4"}},
		}})
	})
	if err != nil {
		t.Fatal(err)
	}
	if res.ExitCode == nil || *res.ExitCode != 4 || string(res.Commands[0].Stdout) != "out\n" || string(res.Commands[0].Stderr) != "err\n" {
		t.Errorf("result %+v", res)
	}
	for _, secret := range []string{"AWS_ACCESS", "AWS_SECRET", "AWS_SESSION", "TOKEN", s.token("user"), s.token("admin")} {
		if strings.Contains(string(res.Commands[1].Stdout), secret) {
			t.Errorf("the environment holds %s:\n%s", secret, res.Commands[1].Stdout)
		}
	}
}
