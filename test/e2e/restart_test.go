//go:build unix

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/errandhq/errand"
)

// truthTime is how long the server may say something untrue of a job after a restart:
// 2 seconds by "make restarts", which a machine has for itself; elsewhere less than a lease.
func truthTime() time.Duration {
	if os.Getenv("ERRAND_E2E_RESTARTS") != "" {
		return 2 * time.Second
	}
	return time.Minute
}

// restarts is how often TestRestarts kills the agent; ERRAND_E2E_RESTARTS sets it.
func restarts() int {
	n, err := strconv.Atoi(os.Getenv("ERRAND_E2E_RESTARTS"))
	if err != nil {
		n = 4
	}
	return n
}

// children are the processes that a process started.
func children(t *testing.T, pid int) []int {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("the system doesn't tell a process's children")
	}
	var all []int
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // of a thread that has ended
		}
		for _, f := range strings.Fields(string(b)) {
			child, err := strconv.Atoi(f)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, child)
		}
	}
	return all
}

// supervisors are the processes of the agent that run jobs.
func (p *proc) supervisors() []int {
	p.t.Helper()
	return slices.DeleteFunc(children(p.t, p.cmd.Process.Pid), func(pid int) bool {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		return err != nil || !strings.Contains(string(b), "\x00supervise\x00")
	})
}

// killWith kills the process and then its supervisors.
func (p *proc) killWith() {
	p.t.Helper()
	pids := p.supervisors()
	p.kill()
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended just now
	}
}

// within checks how long ago since was.
func within(t *testing.T, what string, since time.Time) {
	t.Helper()
	took := time.Since(since)
	t.Logf("%s after %v", what, took.Round(time.Millisecond))
	if limit := truthTime(); took > limit {
		t.Errorf("%s took %v, want at most %v", what, took, limit)
	}
}

// numbered is a shell command that prints n numbered lines, and waits between them.
func numbered(n int, wait string) string {
	return fmt.Sprintf("i=0; while test $i -lt %d; do i=$((i+1)); echo line $i; sleep %s; done", n, wait)
}

// TestRestarts: a job outlives its agent, which is killed again and again. It runs
// once, its log is whole, and its exit code is right.
func TestRestarts(t *testing.T) {
	t.Parallel()
	s := local(t, "0")
	data, marker := t.TempDir(), filepath.Join(t.TempDir(), "runs")
	agent := s.agent(data)
	n := restarts()
	lines := 15 * n
	id := s.submit("--no-source", "-c", "echo run >>"+marker, "-c", numbered(lines, "0.1")+"; exit 7")
	awaitFile(t, marker)
	for range n {
		agent.kill()
		agent = s.agent(data)
		agent.stderr.await(t, "taking over a running job")
	}
	job := s.awaitJob(id, "over", ended)
	if job.Status != errand.Completed || *job.ExitCode != 7 || job.Attempt != 1 {
		t.Errorf("job %s %s, attempt %d", job.Status, job.Error, job.Attempt)
	}
	var want strings.Builder
	for i := range lines {
		fmt.Fprintln(&want, "line", i+1)
	}
	if got := s.output("logs", id); got != want.String() {
		t.Errorf("the log has %d bytes, want %d", len(got), want.Len())
	}
	if b, err := os.ReadFile(marker); err != nil || string(b) != "run\n" {
		t.Errorf("the job left %q (%v), want one run", b, err)
	}
}

// TestLocalRestarted: errand local is killed and started again: its agent takes the job
// over.
func TestLocalRestarted(t *testing.T) {
	t.Parallel()
	s := local(t, "1")
	g := newGate(t)
	marker := filepath.Join(t.TempDir(), "runs")
	id := s.submit("--no-source", "-c", "echo before; echo run >>"+marker+"; "+g.wait()+"; echo after; exit 3")
	awaitFile(t, marker)
	s.kill()
	s = s.restart("1")
	s.stderr.await(t, "taking over a running job")
	if job := s.job(id); job.Status != errand.Running {
		t.Errorf("after the restart: %s %s", job.Status, job.Error)
	}
	g.open()
	opened := time.Now()
	job := s.awaitJob(id, "over", ended)
	within(t, "the end was known", opened)
	if job.Status != errand.Completed || *job.ExitCode != 3 || job.Attempt != 1 {
		t.Errorf("job %s %s, attempt %d", job.Status, job.Error, job.Attempt)
	}
	if got := s.output("logs", id); got != "before\nafter\n" {
		t.Errorf("log %q", got)
	}
}

// TestFewerAgents: errand local is started again with fewer agents. The job of one that
// is gone runs to its end, and then that agent ends.
func TestFewerAgents(t *testing.T) {
	t.Parallel()
	s := local(t, "2")
	g := newGate(t)
	marks := t.TempDir()
	command := "touch " + marks + "/$ERRAND_JOB_ID; " + g.wait() + "; exit 3"
	ids := []string{s.submit("--no-source", "-c", command), s.submit("--no-source", "-c", command)}
	for _, id := range ids {
		awaitFile(t, filepath.Join(marks, id))
	}
	s.kill()
	s = s.restart("1")
	s.stderr.await(t, "finishing the jobs of an agent that this start no longer has")
	for range ids {
		s.stderr.await(t, "taking over a running job")
	}
	g.open()
	for _, id := range ids {
		if job := s.awaitJob(id, "over", ended); job.Status != errand.Completed || *job.ExitCode != 3 || job.Attempt != 1 {
			t.Errorf("job %s %s, attempt %d", job.Status, job.Error, job.Attempt)
		}
	}
	for range 3 { // by the one agent that is left
		s.output("run", "--no-source", "--", "true")
	}
	if got := s.output("workers"); strings.Count(got, "offline") != 1 {
		t.Errorf("workers:\n%s", got)
	}
}

// TestEndsWithoutItsAgent: a job ends while no agent is there. The next one reports it,
// with a log that is longer than what a result carries.
func TestEndsWithoutItsAgent(t *testing.T) {
	t.Parallel()
	s := local(t, "0")
	g := newGate(t)
	data, mark := t.TempDir(), filepath.Join(t.TempDir(), "mark")
	agent := s.agent(data)
	id := s.submit("--no-source", "-c", "echo before; touch "+mark+"; "+g.wait()+"; seq 100000; exit 5")
	awaitFile(t, mark)
	agent.kill()
	g.open()
	awaitFile(t, filepath.Join(data, "attempts", id+"-1", "result.json"))
	restarted := time.Now()
	s.agent(data)
	job := s.awaitJob(id, "over", ended)
	within(t, "the end was known", restarted)
	if job.Status != errand.Completed || *job.ExitCode != 5 {
		t.Errorf("job %s %s: %s", job.Status, job.Reason, job.Error)
	}
	var want strings.Builder
	want.WriteString("before\n")
	for i := range 100000 {
		fmt.Fprintln(&want, i+1)
	}
	if got := s.output("logs", id); got != want.String() {
		t.Errorf("the log has %d bytes, want %d", len(got), want.Len())
	}
}

// TestAllKilled: the agent and the supervisor are killed, and the agent is started
// again. A job that may not run again fails with the true reason, the other runs again,
// both at once. The output up to the kill is there.
func TestAllKilled(t *testing.T) {
	t.Parallel()
	s := local(t, "0")
	g := newGate(t)
	data, marks := t.TempDir(), t.TempDir()
	agent := s.agent(data, "--jobs", "2")
	once := s.submit("--no-source", "-c", "echo first of once", "-c", "touch "+marks+"/once; "+g.wait())
	twice := s.submit("--no-source", "--retries", "1", "-c", "echo attempt $ERRAND_ATTEMPT", "-c", "touch "+marks+"/twice; test $ERRAND_ATTEMPT = 2 || "+g.wait())
	awaitFile(t, marks+"/once")
	awaitFile(t, marks+"/twice")
	agent.killWith()
	restarted := time.Now()
	s.agent(data, "--jobs", "2")
	job := s.awaitJob(once, "over", ended)
	within(t, "the failure was known", restarted)
	if job.Status != errand.Failed || job.Reason != errand.ReasonAgentRestarted || job.Attempt != 1 {
		t.Errorf("without retries: %s %s: %s", job.Status, job.Reason, job.Error)
	}
	job = s.awaitJob(twice, "over", ended)
	within(t, "the second attempt ended", restarted)
	if job.Status != errand.Completed || job.Attempt != 2 {
		t.Errorf("with a retry: %s %s, attempt %d", job.Status, job.Reason, job.Attempt)
	}
	if got := s.output("logs", once); got != "first of once\n" {
		t.Errorf("log of the failed job %q", got)
	}
	if got := s.output("logs", "--attempt", "1", twice); got != "attempt 1\n" {
		t.Errorf("log of the first attempt %q", got)
	}
}

// TestSupervisorKilled: the agent sees it, and reports at once.
func TestSupervisorKilled(t *testing.T) {
	t.Parallel()
	s := local(t, "0")
	g := newGate(t)
	mark := filepath.Join(t.TempDir(), "mark")
	agent := s.agent(t.TempDir())
	id := s.submit("--no-source", "-c", "echo before", "-c", "touch "+mark+"; "+g.wait()) // the supervisor has read what an ended command wrote
	awaitFile(t, mark)
	killed := time.Now()
	for _, pid := range agent.supervisors() {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
	}
	job := s.awaitJob(id, "over", ended)
	within(t, "the failure was known", killed)
	if job.Status != errand.Failed || job.Reason != errand.ReasonAgentError || !strings.Contains(job.Error, "killed") {
		t.Errorf("job %s %s: %s", job.Status, job.Reason, job.Error)
	}
	if got := s.output("logs", id); got != "before\n" {
		t.Errorf("log %q", got)
	}
	// The slot goes on with another supervisor.
	if got := s.output("run", "--no-source", "-c", "echo next"); got != "next\n" {
		t.Errorf("the next job printed %q", got)
	}
}

// TestMachineRestarted: as all killed, and the attempt's directory names another boot.
func TestMachineRestarted(t *testing.T) {
	t.Parallel()
	s := local(t, "0")
	g := newGate(t)
	data, mark := t.TempDir(), filepath.Join(t.TempDir(), "mark")
	agent := s.agent(data)
	id := s.submit("--no-source", "-c", "echo before", "-c", "touch "+mark+"; "+g.wait())
	awaitFile(t, mark)
	agent.killWith()
	changeBoot(t, data)
	restarted := time.Now()
	s.agent(data)
	job := s.awaitJob(id, "over", ended)
	within(t, "the failure was known", restarted)
	if job.Status != errand.Failed || job.Reason != errand.ReasonMachineRestarted {
		t.Errorf("job %s %s: %s", job.Status, job.Reason, job.Error)
	}
	if got := s.output("logs", id); got != "before\n" {
		t.Errorf("log %q", got)
	}
}

// changeBoot makes the attempts of a data directory those of another boot.
func changeBoot(t *testing.T, data string) {
	t.Helper()
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		t.Skip("the system has no boot ID")
	}
	files, err := filepath.Glob(filepath.Join(data, "attempts", "*", "job.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%q, %v", files, err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	other := strings.Replace(string(b), strings.TrimSpace(string(boot)), "another-boot", 1)
	if other == string(b) {
		t.Fatalf("%s does not name the boot: %s", files[0], b)
	}
	if err := os.WriteFile(files[0], []byte(other), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestGroupsNeverOverlap: an agent of two is killed and stays away, or hangs. The next
// job of the group begins when the lease has ended, and the commands have ended before
// that.
func TestGroupsNeverOverlap(t *testing.T) {
	t.Parallel()
	for name, sig := range map[string]syscall.Signal{"killed": syscall.SIGKILL, "stopped": syscall.SIGSTOP} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testNeverOverlap(t, sig)
		})
	}
}

func testNeverOverlap(t *testing.T, sig syscall.Signal) {
	s := local(t, "0", fast...)
	marks := t.TempDir()
	lane := filepath.Join(marks, "lane")
	// mkdir fails if another job of the group holds the lane. A killed job leaves it
	// behind with its process ID, which must be dead then.
	job := `mkdir ` + lane + ` || { kill -0 $(cat ` + lane + `/pid) && exit 9; }; echo $$ >` + lane + `/pid; touch ` + marks + `/$ERRAND_JOB_ID; sleep $0; rm -r ` + lane
	victim := s.agent(t.TempDir())
	first := s.submit("--no-source", "--group", "lane", "--", "sh", "-c", job, "600")
	awaitFile(t, filepath.Join(marks, first))
	second := s.submit("--no-source", "--group", "lane", "--", "sh", "-c", job, "0")
	victim.signal(sig)
	s.agent(t.TempDir())
	if j := s.awaitJob(second, "over", ended); j.Status != errand.Completed || *j.ExitCode != 0 {
		t.Errorf("the second job: %s %s, exit code %v: 9 means that the first one ran beside it", j.Status, j.Error, j.ExitCode)
	}
	if j := s.job(first); !presumed(j) {
		t.Errorf("the first job: %s %s", j.Status, j.Reason)
	}
}

// TestBackgroundProcesses: a server that one command starts serves the next, and is
// ended with the job. So is a process with a session and an environment of its own.
func TestBackgroundProcesses(t *testing.T) {
	t.Parallel()
	s := local(t, "1")
	dir := t.TempDir()
	children(t, os.Getpid()) // or skip
	p := s.errand("run", "--no-source",
		"-c", "cd "+dir+"; mkfifo fifo; (while read -r l; do echo got $l >got; done <fifo; exec sleep 600) & echo $! >first; setsid env -i sleep 600 & echo $! >pid",
		"-c", "cd "+dir+"; echo hello >fifo; for f in first pid; do until grep -qx sleep /proc/$(cat $f)/comm; do :; done; done; cat got")
	if code := p.wait(); code != 0 || p.stdout.String() != "got hello\n" {
		t.Errorf("exit code %d, %q; stderr:\n%s", code, p.stdout, p.stderr)
	}
	if got := p.stderr.String(); !strings.Contains(got, "errand: ending ") || !strings.Contains(got, "processes that outlive the commands: sleep, sleep\n") {
		t.Errorf("stderr:\n%s", got)
	}
	b, err := os.ReadFile(dir + "/pid")
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	if syscall.Kill(pid, 0) == nil {
		t.Errorf("process %d runs on", pid)
	}
}

// TestKillsUnderLoad: agents, supervisors or both are killed again and again while jobs
// of few groups run. No two jobs of a group ever run at the same time, each job ends,
// and those that nothing killed succeed.
func TestKillsUnderLoad(t *testing.T) {
	t.Parallel()
	kills, err := strconv.Atoi(os.Getenv("ERRAND_E2E_KILLS"))
	if err != nil {
		kills = 6
	}
	s := local(t, "0", fast...)
	data, marks := t.TempDir(), t.TempDir()
	// As in TestGroupsNeverOverlap: a lane that was left behind belongs to nobody alive.
	job := `cd ` + marks + `; mkdir $ERRAND_GROUP || { kill -0 $(cat $ERRAND_GROUP/pid) && echo $ERRAND_JOB_ID >>overlaps; }; echo $$ >$ERRAND_GROUP/pid; sleep 0.$0; rm -r $ERRAND_GROUP`
	var ids []string
	for i := range 3 * kills {
		args := []string{"--no-source", "--group", fmt.Sprint("lane", i%3), "--retries", fmt.Sprint(i % 2), "--", "sh", "-c", job, fmt.Sprint(i % 7)}
		ids = append(ids, s.submit(args...))
	}
	agent := s.agent(data, "--jobs", "3")
	for i := range kills {
		agent.stderr.await(t, "took job")
		switch i % 3 {
		case 0:
			agent.kill()
		case 1:
			agent.killWith()
		case 2:
			for _, pid := range agent.supervisors() {
				_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended just now
			}
			agent.stderr.await(t, "job ended")
			agent.kill()
		}
		agent = s.agent(data, "--jobs", "3")
		agent.stderr.await(t, "registered")
	}
	reasons := map[string]int{}
	for _, id := range ids {
		job := s.awaitJob(id, "over", ended)
		reasons[strings.TrimSpace(string(job.Status)+" "+string(job.Reason))]++
		if job.Status == errand.Completed && *job.ExitCode != 0 {
			t.Errorf("job %s: exit code %d", id, *job.ExitCode)
		}
	}
	t.Logf("%d kills, %d jobs: %v", kills, len(ids), reasons)
	if b, err := os.ReadFile(filepath.Join(marks, "overlaps")); err == nil {
		t.Errorf("jobs that began while another of their group ran:\n%s", b)
	}
	if n := reasons["failed lost"]; n > 0 {
		t.Errorf("%d jobs are lost though their agent came back at once", n)
	}
}
