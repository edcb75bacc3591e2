package process

import "golang.org/x/sys/unix"

// waitLeader waits for the leader's end without reaping it: while it is a
// zombie no other process gets its ID, so killing the group by it later can't
// hit a stranger.
func (g *group) waitLeader() {
	for {
		err := unix.Waitid(unix.P_PID, g.cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return // with ECHILD it is gone already
		}
	}
}
