package e2e

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/errandhq/errand"
)

// cgroupMount returns where cgroup version 2 is mounted.
func cgroupMount(t *testing.T) string {
	t.Helper()
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		before, after, _ := strings.Cut(lines.Text(), " - ")
		if fields := strings.Fields(before); strings.HasPrefix(after, "cgroup2 ") {
			return fields[4]
		}
	}
	t.Skip("limits are not tested: cgroup version 2 is not mounted")
	return ""
}

// A delegated is a control group for one agent.
type delegated struct {
	t   *testing.T
	dir string
	fd  *os.File
}

func newDelegated(t *testing.T) *delegated {
	t.Helper()
	dir, err := os.MkdirTemp(cgroupMount(t), "errand-test-")
	if err != nil {
		t.Skipf("limits are not tested: %v", err)
	}
	d := &delegated{t: t, dir: dir}
	t.Cleanup(d.remove)
	b, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []string{"cpu", "memory", "pids"} {
		if !slices.Contains(strings.Fields(string(b)), c) {
			t.Skipf("limits are not tested: control groups have no controller %s", c)
		}
	}
	if d.fd, err = os.Open(dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.fd.Close() })
	return d
}

func (d *delegated) remove() {
	_ = os.WriteFile(filepath.Join(d.dir, "cgroup.kill"), []byte("1"), 0o600)
	limit := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		for _, sub := range append(d.groups(), filepath.Join(d.dir, "agent")) {
			_ = os.Remove(sub)
		}
		if err := os.Remove(d.dir); err == nil || errors.Is(err, fs.ErrNotExist) {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			d.t.Errorf("%s can't be removed", d.dir)
			return
		}
	}
}

// groups are those of attempts.
func (d *delegated) groups() []string {
	all, err := filepath.Glob(filepath.Join(d.dir, "job-*"))
	if err != nil {
		d.t.Error(err)
	}
	return all
}

// agent starts an agent in the group.
func (d *delegated) agent(s *server, flags ...string) *proc {
	d.t.Helper()
	args := append([]string{"agent", "--server", s.url, "--token-file", s.tokenFile("agent"), "--data", d.t.TempDir()}, flags...)
	return startAs(d.t, &syscall.SysProcAttr{Setpgid: true, UseCgroupFD: true, CgroupFD: int(d.fd.Fd())}, []string{"INVOCATION_ID="}, args...)
}

// hungry is a command that uses 300 MiB.
const hungry = "dd if=/dev/zero of=/dev/null bs=300M count=1; echo survived"

// TestLimits: a job gets no more than its limits, and the kernel ends what is left of it.
func TestLimits(t *testing.T) {
	t.Parallel()
	d, s := newDelegated(t), local(t, "0")
	agent := d.agent(s)
	memory := s.errand("run", "--no-source", "--memory", "64MiB", "-c", hungry)
	if code := memory.wait(); code != 125 || memory.stdout.String() != "" {
		t.Errorf("too much memory: exit code %d, %q", code, memory.stdout)
	}
	const killed = "killed: the job used more than its 64 MiB of memory"
	for _, line := range []string{"\nerrand: " + killed + "\n", " failed: out_of_memory: " + killed + "\n"} {
		if !strings.Contains(memory.stderr.String(), line) {
			t.Errorf("stderr lacks %q:\n%s", line, memory.stderr)
		}
	}
	if got := s.output("run", "--no-source", "--memory", "1GiB", "-c", hungry); got != "survived\n" {
		t.Errorf("enough memory: %q", got)
	}
	pids := s.errand("run", "--no-source", "--pids", "20", "-c", "i=0; while test $i -lt 50; do sleep 600 & i=$((i+1)); done; echo never")
	if code := pids.wait(); code == 0 || pids.stdout.String() != "" {
		t.Errorf("too many processes: exit code %d, %q", code, pids.stdout)
	}
	own := cgroupMount(t) + "$(sed -n s/^0:://p /proc/self/cgroup)"
	// A kernel without swap lacks memory.swap.max.
	for file, want := range map[string]string{"cpu.max": "150000 100000\n", "memory.max": "1073741824\n", "memory.swap.max": "0\n", "pids.max": "200\n"} {
		got := s.output("run", "--no-source", "--cpus", "1.5", "--memory", "1GiB", "--pids", "200", "-c", "cat "+own+"/"+file+" 2>/dev/null || echo 0")
		if got != want {
			t.Errorf("%s: %q, want %q", file, got, want)
		}
	}
	if got := s.output("run", "--no-source", "-c", "cat "+own+"/memory.max"); got != "max\n" {
		t.Errorf("a job without limits has %q", got)
	}
	if left := d.groups(); len(left) > 0 {
		t.Errorf("left %q", left)
	}
	// A killed supervisor leaves nothing running.
	dir := t.TempDir()
	id := s.submit("--no-source", "--memory", "1GiB", "-c", "setsid env -i sleep 600 & echo $! >"+dir+"/pid.new; mv "+dir+"/pid.new "+dir+"/pid; sleep 600")
	awaitFile(t, dir+"/pid")
	if left := d.groups(); len(left) != 1 {
		t.Errorf("one job runs in the groups %q", left)
	}
	for _, pid := range agent.supervisors() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	if job := s.awaitJob(id, "over", ended); job.Reason != errand.ReasonAgentError {
		t.Errorf("job %s %s", job.Status, job.Reason)
	}
	if left := d.groups(); len(left) > 0 {
		t.Errorf("left %q after the supervisor's end", left)
	}
}

// TestAgentLimits: the agent's maxima are also for jobs that ask for none, or for more.
func TestAgentLimits(t *testing.T) {
	t.Parallel()
	d, s := newDelegated(t), local(t, "0")
	d.agent(s, "--max-memory", "64MiB", "--max-pids", "100")
	for _, flags := range [][]string{nil, {"--memory", "1GiB"}} {
		p := s.errand(append(append([]string{"run", "--no-source"}, flags...), "-c", hungry)...)
		if code := p.wait(); code != 125 || !strings.Contains(p.stderr.String(), "used more than its 64 MiB of memory") {
			t.Errorf("%q: exit code %d; stderr:\n%s", flags, code, p.stderr)
		}
	}
}

// TestUnenforceableLimits: a worker that can't enforce limits gets no job that has some,
// and doesn't start if it has maxima.
func TestUnenforceableLimits(t *testing.T) {
	t.Parallel()
	s := local(t, "0")
	without := []string{"INVOCATION_ID=a systemd unit without delegation"}
	args := []string{"agent", "--server", s.url, "--token-file", s.tokenFile("agent"), "--data"}
	startWith(t, without, append(args, t.TempDir())...)
	limited := s.submit("--no-source", "--pids", "100", "--", "true")
	if got := s.output("run", "--no-source", "--", "echo", "hello"); got != "hello\n" {
		t.Errorf("a job without limits printed %q", got)
	}
	if job := s.job(limited); job.Status != errand.Pending || job.Limits == nil || *job.Limits != (errand.Limits{Pids: 100}) {
		t.Errorf("the job with limits: %s, %+v", job.Status, job.Limits)
	}
	p := startWith(t, without, append(args, t.TempDir(), "--max-cpus", "1")...)
	if code := p.wait(); code == 0 || !strings.Contains(p.stderr.String(), "limits can't be enforced here: ") {
		t.Errorf("exit code %d; stderr:\n%s", code, p.stderr)
	}
}
