package process

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// waitLeader waits for the leader's end without reaping it. Its ID is not reused
// while it is a zombie, so a later kill of the group can't hit another process.
func (g *group) waitLeader() {
	if waitPidfd(g.cmd.Process.Pid) == nil {
		return
	}
	for { // the kernel is older than 5.10
		err := unix.Waitid(unix.P_PID, g.cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return // ECHILD: it has been reaped
		}
	}
}

// waitPidfd waits for the end of a child that nobody else reaps.
//
// https://man7.org/linux/man-pages/man2/pidfd_open.2.html
func waitPidfd(pid int) error {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), "pidfd")
	return errors.Join(awaitReady(f, []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}), f.Close()) //nolint:gosec // descriptors are small
}
