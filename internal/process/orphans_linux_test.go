package process

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestOnlyDescendantsAreSignalled: the ID of a process that has ended may be another's.
func TestOnlyDescendantsAreSignalled(t *testing.T) {
	t.Parallel()
	child := exec.Command("sleep", "600")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("sh", "-c", "sleep 600 >&- 2>&- & echo $!").Output()
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Kill(stranger, syscall.SIGKILL); err != nil {
			t.Error("the other process was signalled")
		}
	}()
	signalDescendant(stranger, true)
	signalDescendant(child.Process.Pid, true)
	if err := child.Wait(); err == nil || child.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL { //nolint:forcetypeassert // on Linux
		t.Errorf("the child ended with %v", err)
	}
}
