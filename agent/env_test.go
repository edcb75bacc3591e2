//go:build unix

package agent_test

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent"
	"github.com/errandhq/errand/agent/internal/attemptdir"
	"github.com/errandhq/errand/internal/process"
)

// environment runs env and returns what the command saw.
func (s *server) environment(a *errand.Assignment, change func(*agent.Config)) (map[string]string, *runner) {
	s.t.Helper()
	s.give(a)
	r := s.run(change)
	env := map[string]string{}
	for line := range strings.Lines(string(s.result().Commands[0].Stdout.Head)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		env[name] = value
	}
	return env, r
}

func TestVariablesOfTheJob(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	a := s.job("env")
	a.Group, a.Env["ERRAND_GIT_BRANCH"] = "deploy", "main"
	env, r := s.environment(a, nil)
	for name, want := range map[string]string{
		"ERRAND_JOB_ID": jobID, "ERRAND_ATTEMPT": "1", "ERRAND_QUEUE": "default", "ERRAND_GROUP": "deploy", "ERRAND_WORKER": "tester",
		"ERRAND_WORKER_ID": s.registrations[0].WorkerID, "ERRAND_SERVER": s.URL, "ERRAND_GIT_BRANCH": "main",
		"ERRAND_DIR": filepath.Join(r.dir, "work", attemptdir.WorkName(0, "", "default", "")),
		"CI":         "true", "PYTHONUNBUFFERED": "1", "GIT_TERMINAL_PROMPT": "0",
	} {
		if env[name] != want {
			t.Errorf("%s=%s, want %s", name, env[name], want)
		}
	}
}

// The agent's owner sets variables for all jobs; a job's own variables win.
func TestVariablesOfTheAgent(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	env, _ := s.environment(s.job("env"), func(c *agent.Config) {
		c.Environment.Variables = map[string]string{"JAVA_HOME": "/opt/java", "GREETING": "the agent's", "LANG": "de", "PYTHONUNBUFFERED": ""}
	})
	for name, want := range map[string]string{"JAVA_HOME": "/opt/java", "GREETING": "hello", "LANG": "de", "PYTHONUNBUFFERED": ""} {
		if got, ok := env[name]; got != want || !ok {
			t.Errorf("%s=%s, want %s", name, got, want)
		}
	}
}

func TestRefusedVariables(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for name, value := range map[string]string{
		"ERRAND_TOKEN": "my-secret", "ERRAND_ANYTHING": "my-secret", "TOKEN": "Bearer " + agentToken + "my-secret", "A-B": "my-secret", "": "my-secret", "NUL": "my-secret\x00",
	} {
		c := agent.Config{Client: s.client(), DataDir: t.TempDir()}
		c.Environment.Variables = map[string]string{name: value}
		if _, err := agent.New(c); err == nil || strings.Contains(err.Error(), "my-secret") || !strings.Contains(err.Error(), "environment variable") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Unix sockets with a name of 50 characters fit into TMPDIR, however long the path
// of the data directory is. Nobody else can enter TMPDIR, and it goes with the job.
func TestTempDirIsShortAndPrivate(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	l := newLong(t)
	s.give(s.job(l.command()+"; echo", `echo "$TMPDIR"`))
	s.queue[0].ContinueOnError = true
	r := s.run(func(c *agent.Config) {
		c.DataDir, c.Environment.TempDir = filepath.Join(c.DataDir, strings.Repeat("long", 20)), ""
		if len(process.TempDir()) > 20 { // TMPDIR of the tests is unusual
			c.Environment.TempDir = "/tmp"
		}
	})
	l.started(t)
	dir := recordedTemp(t, r.dir)
	if info, err := os.Lstat(dir); err != nil || info.Mode() != os.ModeDir|0o700 || len(dir) > 40 {
		t.Errorf("%s has %d characters: %v, %v", dir, len(dir), info.Mode(), err)
	}
	socket, err := net.Listen("unix", filepath.Join(dir, strings.Repeat("s", 50)))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	touch(t, l.gate)
	if got := strings.TrimSpace(string(s.result().Commands[1].Stdout.Head)); got != dir {
		t.Errorf("TMPDIR is %q, its record says %q", got, dir)
	}
	r.idle()
	if exists(dir) {
		t.Error("TMPDIR is left")
	}
}

// recordedTemp is the TMPDIR that the attempt's directory names.
func recordedTemp(t *testing.T, data string) string {
	t.Helper()
	f, err := os.Open(filepath.Join(data, "attempts", jobID+"-1", "job.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var places struct {
		Temp string `json:"tmpdir"`
	}
	if err := json.NewDecoder(f).Decode(&places); err != nil {
		t.Fatal(err)
	}
	return places.Temp
}

// TMPDIR goes as soon as the commands have ended, even if the result waits for the
// server.
func TestTempDirGoesWithTheCommands(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	away := true
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		if away && reports(r) {
			problem(w, errand.CodeUnavailable)
			return true
		}
		return false
	}
	s.give(s.job(`touch "$TMPDIR/x"`))
	temp := t.TempDir()
	r := s.run(func(c *agent.Config) { c.Environment.TempDir = temp })
	eventually(t, "the result is on disk", func() bool { return exists(filepath.Join(r.dir, "attempts", jobID+"-1", "result.json")) })
	eventually(t, "TMPDIR goes", func() bool { left, _ := os.ReadDir(temp); return len(left) == 0 })
	s.set(func() { away = false })
	s.result()
}

// After a crash, the next process removes TMPDIR, also what commands protected.
func TestTempDirGoesAfterACrash(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	l := newLong(t)
	s.give(s.job(`mkdir "$TMPDIR/a"; touch "$TMPDIR/a/b"; chmod 500 "$TMPDIR/a"; ` + l.command()))
	dir := t.TempDir()
	kill := s.killed(dir)
	l.started(t)
	kill()
	temp := recordedTemp(t, dir)
	if !exists(filepath.Join(temp, "a", "b")) {
		t.Fatalf("TMPDIR %s", temp)
	}
	r := s.run(func(c *agent.Config) { c.DataDir = dir })
	r.idle()
	if exists(temp) {
		t.Error("TMPDIR is left")
	}
}

// A system directory that can't be used costs a short path, not the job.
func TestTempDirElsewhere(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.give(s.job(`touch "$TMPDIR/x" && echo "$TMPDIR"`))
	r := s.run(func(c *agent.Config) { c.Environment.TempDir = filepath.Join(c.DataDir, "missing") })
	if got, want := strings.TrimSpace(string(s.result().Commands[0].Stdout.Head)), filepath.Join(r.dir, "attempts", jobID+"-1", "tmp"); got != want {
		t.Errorf("TMPDIR is %q, want %q", got, want)
	}
}

func TestHomeOfTheJob(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.give(s.job(`ls -A ~ && touch ~/x && echo "$HOME"`))
	r := s.run(func(c *agent.Config) { c.Environment.JobHome = true })
	if got, want := string(s.result().Commands[0].Stdout.Head), filepath.Join(r.dir, "attempts", jobID+"-1", "home")+"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// git in a job finds no repository above the job's directories.
func TestGitSeesNoRepositoryAbove(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	s := newServer(t)
	outer := t.TempDir()
	for _, dir := range []string{outer, filepath.Join(outer, "tmp")} {
		if out, err := exec.Command("git", "init", "-q", dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	a := s.job("git rev-parse --show-toplevel", `mkdir "$TMPDIR/sub" && cd "$TMPDIR/sub" && git rev-parse --show-toplevel`, "git init -q && mkdir sub && cd sub && git rev-parse --show-toplevel")
	a.ContinueOnError = true
	s.give(a)
	s.run(func(c *agent.Config) {
		c.DataDir, c.Environment.TempDir = filepath.Join(outer, "data"), filepath.Join(outer, "tmp")
	})
	res := s.result().Commands
	for i, want := range []int{128, 128, 0} {
		if res[i].ExitCode != want {
			t.Errorf("command %d exited with %d: %s%s", i, res[i].ExitCode, res[i].Stdout.Head, res[i].Stderr.Head)
		}
	}
}
