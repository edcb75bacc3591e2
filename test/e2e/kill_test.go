//go:build unix

package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
)

// TestServerAndAgentsKilled kills a server and its agents at the same moment, again and
// again, while users create jobs and wait for them. Each job that was acknowledged ends
// once, and every log is whole. ERRAND_E2E_KILLS sets how often.
func TestServerAndAgentsKilled(t *testing.T) {
	t.Parallel()
	kills, err := strconv.Atoi(os.Getenv("ERRAND_E2E_KILLS"))
	if err != nil {
		kills = 4
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	f := &killedFarm{
		t: t, random: rand.New(rand.NewPCG(seed, 0)), server: local(t, "0", fast...), marks: t.TempDir(),
		agents: make([]*proc, 2), data: []string{t.TempDir(), t.TempDir()},
		events: make(chan struct{}), over: make(chan struct{}),
	}
	f.client = f.server.client()
	f.startAgents()
	var users sync.WaitGroup
	for i := range f.jobs {
		users.Go(func() { f.use(i) })
	}
	for i := range kills {
		f.awaitEvents(1 + f.random.IntN(20))
		f.kill(i % 3)
	}
	close(f.over)
	users.Wait()
	if t.Failed() {
		return
	}
	for _, dir := range f.data {
		f.await("have no attempt in "+dir, func() bool {
			left, err := filepath.Glob(filepath.Join(dir, "attempts", "*"))
			return err == nil && len(left) == 0
		})
	}
	f.check(kills)
}

// killedFarm is a server and two agents that are killed, and what users know of their jobs.
type killedFarm struct {
	t      *testing.T
	random *rand.Rand
	server *server
	client *api.Client // of the server's address, which stays
	agents []*proc
	data   []string // directories of the agents
	marks  string   // directory in which jobs note that they started and ended
	events chan struct{}
	over   chan struct{}
	jobs   [10][]killedJob // by user
}

type killedJob struct {
	id       string
	retries  int
	exitCode int
	output   string
}

func (f *killedFarm) startAgents() {
	for i := range f.agents {
		f.agents[i] = f.server.agent(f.data[i], "--jobs", "3")
	}
}

// kill kills the server and both agents; with both supervisors; or with those alone of the
// one agent, while the other and its supervisors go on. Then it starts what it killed.
func (f *killedFarm) kill(how int) {
	victims := f.agents
	if how == 2 {
		victims = f.agents[:1]
	}
	var supervisors []int
	if how > 0 {
		for _, a := range victims {
			supervisors = append(supervisors, a.supervisors()...)
		}
	}
	f.server.signal(syscall.SIGKILL)
	for _, a := range victims {
		a.signal(syscall.SIGKILL)
	}
	for _, pid := range supervisors {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended just now
	}
	for _, p := range append([]*proc{f.server.proc}, victims...) {
		<-p.done
	}
	f.server = f.server.restart("0", fast...)
	for i := range victims {
		f.agents[i] = f.server.agent(f.data[i], "--jobs", "3")
	}
}

// event is that a job was acknowledged, or that a user learned of its end.
func (f *killedFarm) event() {
	select {
	case f.events <- struct{}{}:
	case <-f.over:
	}
}

func (f *killedFarm) awaitEvents(n int) {
	f.t.Helper()
	limit := time.After(patience)
	for range n {
		select {
		case <-f.events:
		case <-limit:
			f.t.Fatal("no job is acknowledged, and none ends")
		}
	}
}

// await waits until ok holds.
func (f *killedFarm) await(what string, ok func() bool) {
	f.t.Helper()
	limit := time.After(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			f.t.Errorf("agents and jobs never %s", what)
			return
		}
	}
}

// use creates jobs and waits for the end of each, until the kills are over.
func (f *killedFarm) use(user int) {
	for i := 0; ; i++ {
		select {
		case <-f.over:
			return
		default:
		}
		job := killedJob{retries: i % 2, exitCode: i % 3}
		var command string
		job.output, command = killedOutput(user + i)
		command = fmt.Sprintf(`echo >>%[1]s/$ERRAND_JOB_ID-$ERRAND_ATTEMPT.started; %[2]s; echo >>%[1]s/$ERRAND_JOB_ID-$ERRAND_ATTEMPT.ended; exit %[3]d`, f.marks, command, job.exitCode)
		request := api.CreateJob{Commands: []errand.Command{{Shell: command}}, MaxAttempts: job.retries + 1}
		created, err := again(f.t, func() (api.Job, error) {
			return f.client.CreateJob(f.t.Context(), request, fmt.Sprintf("user-%d-%d", user, i))
		})
		if err != nil {
			f.t.Errorf("create: %v", err)
			return
		}
		job.id = created.ID
		f.jobs[user] = append(f.jobs[user], job)
		f.event()
		f.await("end job "+job.id, func() bool {
			j, err := f.client.Job(f.t.Context(), job.id)
			return err == nil && j.Status.Terminal()
		})
		f.event()
	}
}

// killedOutput is what a job prints, and a command that prints it: a line, more than a
// result carries, or lines over a second.
func killedOutput(kind int) (output, command string) {
	switch kind % 3 {
	case 0:
		return "hello\n", "echo hello"
	case 1:
		return numberedLines("", 30000), "seq 30000"
	default:
		return numberedLines("line ", 20), numbered(20, "0.05")
	}
}

func numberedLines(prefix string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%s%d\n", prefix, i+1)
	}
	return b.String()
}

// check checks all jobs, once no agent has any left.
func (f *killedFarm) check(kills int) {
	reasons, n := map[string]int{}, 0
	for _, jobs := range f.jobs {
		for _, j := range jobs {
			got, err := again(f.t, func() (api.Job, error) { return f.client.Job(f.t.Context(), j.id) })
			if err != nil {
				f.t.Fatal(err)
			}
			n++
			reasons[strings.TrimSpace(string(got.Status)+" "+string(got.Reason))]++
			f.checkJob(j, got)
		}
	}
	f.checkList(n)
	f.t.Logf("%d kills of server and agents, %d jobs: %v", kills, n, reasons)
}

func (f *killedFarm) checkJob(j killedJob, got api.Job) {
	for attempt := 1; attempt <= got.Attempt; attempt++ {
		last := attempt == got.Attempt
		started, ended := f.marked(j.id, attempt, "started"), f.marked(j.id, attempt, "ended")
		if started > 1 || ended > 1 {
			f.t.Errorf("job %s: attempt %d started %d times and ended %d times", j.id, attempt, started, ended)
		}
		log := f.log(j.id, attempt)
		switch {
		case last && got.Status == errand.Completed:
			if *got.ExitCode != j.exitCode || started != 1 || ended != 1 {
				f.t.Errorf("job %s: exit code %d, want %d; attempt %d started %d times and ended %d times", j.id, *got.ExitCode, j.exitCode, attempt, started, ended)
			}
			if log != j.output {
				f.t.Errorf("job %s: the log of attempt %d has %d bytes, want %d", j.id, attempt, len(log), len(j.output))
			}
		case !strings.HasPrefix(j.output, log):
			f.t.Errorf("job %s: the log of attempt %d, which failed, has %d bytes that the job didn't print", j.id, attempt, len(log))
		}
	}
	if f.marked(j.id, got.Attempt+1, "started") > 0 {
		f.t.Errorf("job %s has %d attempts, and another one was started", j.id, got.Attempt)
	}
	if got.Attempt > j.retries+1 {
		f.t.Errorf("job %s: %d attempts, want at most %d", j.id, got.Attempt, j.retries+1)
	}
	switch got.Reason {
	case "":
		if got.Status != errand.Completed {
			f.t.Errorf("job %s is %s", j.id, got.Status)
		}
	case errand.ReasonAgentRestarted, errand.ReasonAgentError, errand.ReasonNeverReported, errand.ReasonLost: // a supervisor or an agent was killed
	default:
		f.t.Errorf("job %s is %s, %s: %s", j.id, got.Status, got.Reason, got.Error)
	}
}

// marked is how often an attempt noted that it started or ended.
func (f *killedFarm) marked(id string, attempt int, what string) int {
	b, err := os.ReadFile(filepath.Join(f.marks, fmt.Sprintf("%s-%d.%s", id, attempt, what)))
	if err != nil && !os.IsNotExist(err) {
		f.t.Fatal(err)
	}
	return len(b)
}

// log reads what the commands of an attempt printed, to the end that the attempt's report
// gives.
func (f *killedFarm) log(id string, attempt int) string {
	var text strings.Builder
	for offset := int64(0); ; {
		page, err := again(f.t, func() (api.LogPage, error) { return f.client.Logs(f.t.Context(), id, attempt, offset, 0) })
		if err != nil {
			f.t.Fatal(err)
		}
		for _, frame := range page.Frames {
			if frame.Stream != "system" {
				text.Write(frame.Data)
			}
		}
		if page.Next == offset {
			if page.Bytes != nil && *page.Bytes != offset {
				f.t.Errorf("job %s: the log of attempt %d ends at %d, and its report says %d", id, attempt, offset, *page.Bytes)
			}
			return text.String()
		}
		offset = page.Next
	}
}

// checkList checks that users have been told of all jobs that there are.
func (f *killedFarm) checkList(want int) {
	f.await(fmt.Sprintf("are %d in the list", want), func() bool {
		n := 0
		for cursor := ""; ; {
			list, err := f.client.Jobs(f.t.Context(), "", "", 100, cursor)
			if err != nil {
				return false
			}
			n += len(list.Jobs)
			if cursor = list.Next; cursor == "" {
				return n == want
			}
		}
	})
}
