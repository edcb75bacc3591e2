package browser

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/errandhq/errand/test/errandbin"
)

// TestPage drives the page of the real program: folders go in, the embedded agents run
// the jobs, the output comes back.
func TestPage(t *testing.T) {
	chromium := requireBrowser(t)
	bin := buildErrand(t)
	url, token := startLocal(t, bin)
	t.Setenv("ERRAND_PROGRAM", bin) // to send folders with
	e2e(t, chromium, url, token, "log", "job", "jobs", "lists", "run", "source", "hostile")
}

// TestSilentWorker drives the page of a job whose worker takes it and is never heard from.
func TestSilentWorker(t *testing.T) {
	chromium := requireBrowser(t)
	url, token, agentToken := startServer(t, buildErrand(t), 0, "--heartbeat", "500ms", "--lease", "1h", "--short-lease", "1h")
	t.Setenv("ERRAND_AGENT_TOKEN", agentToken)
	e2e(t, chromium, url, token, "silent")
}

// TestPageFigures prints what a million lines cost the page, and more: make bench-page.
func TestPageFigures(t *testing.T) {
	if os.Getenv("ERRAND_BENCH_PAGE") == "" {
		t.Skip("run by make bench-page")
	}
	chromium := requireBrowser(t)
	url, token := startLocal(t, buildErrand(t))
	e2e(t, chromium, url, token, "bench")
}

func buildErrand(t *testing.T) string {
	t.Helper()
	bin, err := errandbin.Build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// startLocal runs `errand local` until the test ends; it says its URL on the
// first line of its stdout.
func startLocal(t *testing.T, bin string) (url, token string) {
	t.Helper()
	url, token, _ = startServer(t, bin, 2)
	return url, token
}

// startServer is startLocal with so many embedded agents; it gives an agent's token, too.
func startServer(t *testing.T, bin string, agents int, flags ...string) (url, token, agentToken string) {
	t.Helper()
	data := t.TempDir()
	args := []string{"local", "--addr", "127.0.0.1:0", "--data", data, "--agents", strconv.Itoa(agents)}
	cmd := exec.Command(bin, slices.Concat(args, flags, errandbin.ProfileFlags(t))...)
	cmd.Stderr = t.Output()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, cmd) })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("errand local said no URL: %v", err)
	}
	t.Setenv("ERRAND_ADMIN_TOKEN", readToken(t, data, "admin")) // for the page's tests of what only admins may
	return strings.TrimSpace(line), readToken(t, data, "user"), readToken(t, data, "agent")
}

func readToken(t *testing.T, data, role string) string {
	t.Helper()
	secret, err := os.ReadFile(filepath.Join(data, role+".token"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(secret))
}

// stop ends the server as a person would, and by force if that takes too long.
func stop(t *testing.T, cmd *exec.Cmd) {
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		_ = cmd.Process.Kill() // Windows knows no Interrupt
	}
	force := time.AfterFunc(2*time.Minute, func() {
		t.Error("errand local did not end within 2 minutes of SIGINT")
		_ = cmd.Process.Kill()
	})
	defer force.Stop()
	_ = cmd.Wait() // its exit code after a signal is the end-to-end tests' matter
}
