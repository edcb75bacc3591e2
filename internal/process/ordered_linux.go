package process

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// newWatcher returns a file that the runtime's poller can wait for: it is readable when one
// of fds is ready.
//
// https://man7.org/linux/man-pages/man7/epoll.7.html
func newWatcher(fds []unix.PollFd) (*os.File, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	err = unix.SetNonblock(fd, true) // or os takes it for a file that can't be waited for
	f := os.NewFile(uintptr(fd), "epoll")
	for _, p := range fds {
		if p.Fd >= 0 && err == nil {
			err = unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, int(p.Fd), &unix.EpollEvent{Events: unix.EPOLLIN, Fd: p.Fd})
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// awaitReady waits until one of fds is ready. Unlike a call of poll that waits, it keeps no
// thread, at which the runtime would look every 20 µs.
func awaitReady(watcher *os.File, fds []unix.PollFd) error {
	c, err := watcher.SyscallConn()
	if err != nil {
		return err
	}
	var pollErr error
	err = c.Read(func(uintptr) (done bool) {
		var n int
		n, pollErr = unix.Poll(fds, 0)
		return n > 0 || pollErr != nil && !errors.Is(pollErr, unix.EINTR)
	})
	return errors.Join(err, pollErr)
}
