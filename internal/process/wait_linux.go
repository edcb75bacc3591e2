package process

import "golang.org/x/sys/unix"

// waitLeader waits for the leader's end without reaping it. Its ID is not reused
// while it is a zombie, so a later kill of the group can't hit another process.
func (g *group) waitLeader() {
	for {
		err := unix.Waitid(unix.P_PID, g.cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return // ECHILD: it has been reaped
		}
	}
}
