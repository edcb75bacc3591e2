package onejob

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// patience is how long a test waits for what must happen.
const patience = time.Minute

// A machine has a server with an agent, and a user without settings.
type machine struct {
	t    *testing.T
	home string
}

func start(t *testing.T) *machine {
	t.Helper()
	m := &machine{t, t.TempDir()}
	local := m.command("local", "--addr", "127.0.0.1:0")
	var stderr bytes.Buffer
	local.Stderr = &stderr
	stdout, err := local.StdoutPipe()
	if err == nil {
		err = local.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = local.Process.Kill()
		_ = local.Wait() // killed
		if t.Failed() {
			t.Logf("errand local:\n%s", &stderr)
		}
	})
	if first, err := bufio.NewReader(stdout).ReadString('\n'); !strings.HasPrefix(first, "http://127.0.0.1:") {
		t.Fatalf("errand local says %q, %v", first, err)
	}
	return m
}

// command is errand, for the machine's user.
func (m *machine) command(args ...string) *exec.Cmd {
	cmd := exec.Command(errandBin, args...)
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "ERRAND_") {
			cmd.Env = append(cmd.Env, e)
		}
	}
	cmd.Env = append(cmd.Env, "XDG_DATA_HOME="+m.home, "NO_COLOR=1")
	return cmd
}

// errand runs errand to its end.
func (m *machine) errand(args ...string) (stdout string, exit int) {
	m.t.Helper()
	cmd := m.command(args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		m.t.Fatal(err)
	}
	m.t.Logf("errand %s: exit code %d\n%s", strings.Join(args, " "), cmd.ProcessState.ExitCode(), &errs)
	return strings.ReplaceAll(out.String(), "\r\n", "\n"), cmd.ProcessState.ExitCode()
}

type job struct {
	ID, Status string
	ExitCode   *int
}

func (m *machine) onlyJob() job {
	m.t.Helper()
	out, exit := m.errand("jobs", "--json")
	var list struct{ Jobs []job }
	if err := json.Unmarshal([]byte(out), &list); err != nil || exit != 0 || len(list.Jobs) != 1 {
		m.t.Fatalf("jobs: %s, %v", out, err)
	}
	return list.Jobs[0]
}

// cleared waits until the agent has removed every attempt's directory.
func (m *machine) cleared() {
	m.t.Helper()
	attempts := filepath.Join(m.home, "errand", "local", "agents", "1", "attempts")
	if _, err := os.Stat(attempts); err != nil {
		m.t.Fatal(err)
	}
	limit := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		left, _ := filepath.Glob(filepath.Join(attempts, "*"))
		if len(left) == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			m.t.Fatalf("left: %q", left)
		}
	}
}

func TestOneJob(t *testing.T) {
	t.Parallel()
	m := start(t)
	if out, _ := m.errand("version"); !strings.Contains(out, runtime.GOOS+"/"+runtime.GOARCH) {
		t.Fatalf("version: %q", out)
	}
	dir := folder(t, map[string]string{"greeting.txt": "hello\n", "a folder/ä.txt": "from a folder\n", "left/out.txt": "x", ".errandignore": "left\n"})
	lines := []string{"cat greeting.txt", "cat 'a folder/ä.txt'", "echo $GREETING", "test ! -e left && exit 3", "echo never"}
	if runtime.GOOS == "windows" {
		lines = []string{"type greeting.txt", `type "a folder\ä.txt"`, "echo %GREETING%", "if not exist left exit 3", "echo never"}
	}
	args := []string{"run", dir, "--env", "GREETING=from the environment"}
	for _, line := range lines {
		args = append(args, "-c", line)
	}
	const want = "hello\nfrom a folder\nfrom the environment\n"
	if out, exit := m.errand(args...); out != want || exit != 3 {
		t.Errorf("stdout %q, exit code %d; want %q, 3", out, exit, want)
	}
	j := m.onlyJob()
	if j.Status != "completed" || j.ExitCode == nil || *j.ExitCode != 3 {
		t.Errorf("job %+v", j)
	}
	if out, exit := m.errand("logs", j.ID); out != want || exit != 0 {
		t.Errorf("logs: %q, exit code %d", out, exit)
	}
	m.cleared()
}

// A job that is cancelled ends with all its processes.
func TestCancel(t *testing.T) {
	t.Parallel()
	m := start(t)
	ln, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_ = ln.SetDeadline(time.Now().Add(patience)) // an open listener takes it
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	run := m.command("run", "--no-source", "-e", "ONEJOB_ROLE=parent", "-e", "ONEJOB_ADDR="+ln.Addr().String(), "--", exe)
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	child, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer child.Close()
	if _, exit := m.errand("cancel", m.onlyJob().ID); exit != 0 {
		t.Errorf("cancel: exit code %d", exit)
	}
	_ = run.Wait() // its exit code tells
	if exit := run.ProcessState.ExitCode(); exit != 130 {
		t.Errorf("run: exit code %d, want 130", exit)
	}
	_ = child.SetReadDeadline(time.Now().Add(patience))
	if _, err := child.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
		t.Errorf("the child lives: %v", err)
	}
	m.cleared()
}

// Commands with --terminal see one.
func TestTerminal(t *testing.T) {
	t.Parallel()
	m := start(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	run := m.command("run", "--no-source", "--terminal", "-e", "ONEJOB_ROLE=terminal", "--", exe)
	var out, errs bytes.Buffer
	run.Stdout, run.Stderr = &out, &errs
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(patience, func() { _ = run.Process.Kill() })
	defer kill.Stop()
	err = run.Wait()
	if got := out.String(); err != nil || !strings.Contains(got, "stdin false, stdout true, stderr true") {
		t.Errorf("stdout %q, %v, stderr:\n%s", got, err, &errs)
	}
	m.cleared()
}
