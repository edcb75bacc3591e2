package process

import (
	"os/exec"
	"sync"
)

// leaders are the programs that os/exec waits for. An orphan's end must be collected
// by AdoptOrphans, theirs must not.
var leaders = struct {
	mu   sync.Mutex
	pids map[int]bool
}{pids: map[int]bool{}}

// startLeader starts the program, under the console if there is one, and notes it as a
// leader, at once.
func startLeader(c *console, cmd *exec.Cmd) error {
	leaders.mu.Lock()
	defer leaders.mu.Unlock()
	err := startUnder(c, cmd)
	if err == nil {
		leaders.pids[cmd.Process.Pid] = true
	}
	return err
}

func forgetLeader(pid int) {
	leaders.mu.Lock()
	defer leaders.mu.Unlock()
	delete(leaders.pids, pid)
}
