package lambda

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestFrozenProcessDiesWithParent: a frozen process doesn't outlive a program that
// is killed. The kernel itself continues and ends stopped processes of an orphaned
// process group, but only if they were stopped by then and no other process of the
// session is their parent. Here one is: this test.
func TestFrozenProcessDiesWithParent(t *testing.T) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0) }()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	host, pid := startHost(t, l.Addr().String())
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	for stateOf(t, pid) != "T" {
		runtime.Gosched()
	}
	_ = host.Process.Kill()
	_ = host.Wait()
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the function's process lives")
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	if _, err := syscall.Wait4(pid, nil, 0, nil); err != nil {
		t.Error(err)
	}
}

// startHost starts the program and returns it with its function's process.
func startHost(t *testing.T, addr string) (host *exec.Cmd, function int) {
	t.Helper()
	host = exec.Command(os.Args[0])
	host.Env = append(os.Environ(), "TEST_FUNCTION=host", "TEST_ADDR="+addr)
	out, err := host.StdoutPipe()
	if err == nil {
		err = host.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	said, err := bufio.NewReader(out).ReadString('\n')
	if err == nil {
		function, err = strconv.Atoi(strings.TrimSpace(said))
	}
	if err != nil {
		t.Fatalf("the program said %q: %v", said, err)
	}
	return host, function
}

// stateOf returns a process's state as in proc(5): T is stopped.
func stateOf(t *testing.T, pid int) string {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return rest[:1]
}
