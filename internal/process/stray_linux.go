package process

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
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
	for range strayScans {
		var unread []string
		for _, dir := range dirs {
			pid, err := strconv.Atoi(filepath.Base(dir))
			if err != nil || pid == os.Getpid() {
				continue
			}
			switch killIf(pid, dir, variables) {
			case matches:
				killed++
			case empty:
				unread = append(unread, dir)
			case differs:
			}
		}
		if dirs = unread; len(dirs) == 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	return killed
}

// strayScans is how often KillStray looks at a process whose environment is empty: it
// may be replacing its program at that moment.
const strayScans = 3

// How a process's environment compares with the variables.
type comparison int

const (
	differs comparison = iota
	empty
	matches
)

// killIf kills the process if its environment has the variables.
func killIf(pid int, dir string, variables []string) comparison {
	p, err := os.FindProcess(pid) // opens a pidfd if the kernel supports it
	if err != nil {
		return differs
	}
	defer func() { _ = p.Release() }()
	env, err := os.ReadFile(filepath.Join(dir, "environ"))
	switch {
	case err != nil:
		return differs // another user's process, or it has ended
	case len(env) == 0:
		return empty
	}
	env = append([]byte{0}, env...)
	for _, v := range variables {
		if !bytes.Contains(env, []byte("\x00"+v+"\x00")) {
			return differs
		}
	}
	if p.Signal(syscall.SIGKILL) != nil {
		return differs
	}
	return matches
}
