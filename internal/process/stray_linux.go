package process

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// KillStray kills every process of ours whose environment holds all of the given
// NAME=value variables, and says how many. They prove whose it is, whatever
// session or parent it has now; so it takes at least one variable with a value
// that no one else can have.
//
// A process ID read here could be another process's when the signal goes out;
// so the process is pinned by its descriptor before its environment is read.
func KillStray(variables ...string) int {
	if len(variables) == 0 {
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

// killIf kills the process if its environment holds all variables.
func killIf(pid int, dir string, variables []string) bool {
	p, err := os.FindProcess(pid) // pinned by a pidfd, where the kernel has them
	if err != nil {
		return false
	}
	defer func() { _ = p.Release() }() // it was only looked at
	env, err := os.ReadFile(filepath.Join(dir, "environ"))
	if err != nil {
		return false // another user's, or gone
	}
	env = append([]byte{0}, env...)
	for _, v := range variables {
		if !bytes.Contains(env, []byte("\x00"+v+"\x00")) {
			return false
		}
	}
	return p.Signal(syscall.SIGKILL) == nil
}
