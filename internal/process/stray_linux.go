package process

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// KillStray kills every process of this user whose environment has all of the
// given NAME=value variables, whatever its session and parent, and returns how
// many it killed. At least one of the values must be unique to the job. After
// AdoptOrphans it does nothing: a Sequence finds them by itself, and at less cost.
//
// A process ID may be reused between reading its environment and the signal. So
// KillStray opens a pidfd first, which keeps referring to the same process.
func KillStray(variables ...string) int {
	if len(variables) == 0 || adopting {
		return 0
	}
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0
	}
	killed := 0
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err == nil && pid != os.Getpid() && killIf(pid, dir, variables) {
			killed++
		}
	}
	return killed
}

func killIf(pid int, dir string, variables []string) bool {
	p, err := os.FindProcess(pid) // opens a pidfd if the kernel supports it
	if err != nil {
		return false
	}
	defer func() { _ = p.Release() }()
	env, err := os.ReadFile(filepath.Join(dir, "environ"))
	if err != nil {
		return false // another user's process, or it has ended
	}
	env = append([]byte{0}, env...)
	for _, v := range variables {
		if !bytes.Contains(env, []byte("\x00"+v+"\x00")) {
			return false
		}
	}
	return p.Signal(syscall.SIGKILL) == nil
}
