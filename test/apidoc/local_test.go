package apidoc

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/errandhq/errand/test/errandbin"
)

// startLocal builds the product and starts it without an agent: the page is one.
// The flags in ERRAND_E2E_FLAGS are test/e2e's: make test-isolate gives --isolate.
func startLocal(t *testing.T) server {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("a process can't be interrupted here, and the page needs a POSIX shell")
	}
	data := filepath.Join(t.TempDir(), "data")
	bin, err := errandbin.Build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{"local", "--addr", "127.0.0.1:0", "--data", data, "--agents", "0"}, strings.Fields(os.Getenv("ERRAND_E2E_FLAGS"))...)
	cmd := exec.Command(bin, args...)
	url := startServer(t, cmd)
	token := func(role string) string {
		b, err := os.ReadFile(filepath.Join(data, role+".token"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(b))
	}
	return server{url, token("user"), token("agent"), token("admin")}
}

// startServer starts cmd and returns the first line that it says. At the test's
// end it is interrupted, and killed if it doesn't heed that.
func startServer(t *testing.T, cmd *exec.Cmd) (url string) {
	t.Helper()
	var log strings.Builder // read once the process has ended
	cmd.Stderr = &log
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		kill := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
		defer kill.Stop()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server ended: %v", err)
		}
		if t.Failed() {
			t.Logf("the server's log:\n%s", log.String())
		}
	})
	line := make(chan string, 1)
	go func() { // ends with the process
		s, _ := bufio.NewReader(stdout).ReadString('\n')
		line <- s
	}()
	select {
	case s := <-line:
		if !strings.HasPrefix(s, "http") {
			t.Fatalf("the server's first line is %q", s)
		}
		return strings.TrimSpace(s)
	case <-time.After(time.Minute):
		t.Fatal("the server said nothing for a minute")
		return ""
	}
}
