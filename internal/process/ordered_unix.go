//go:build unix

package process

import (
	"bytes"
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// ordered reads two pipes in the order in which they become readable, or a terminal.
type ordered struct {
	drained   chan struct{}  // has a value when all that drain asked for is read
	fds       [3]unix.PollFd // of the pipes and of wake; -1: at its end
	wake, end *os.File       // a pipe: wake is readable once end is closed
	watcher   *os.File       // for awaitReady
}

func newOrdered(pipes [2]*os.File) (*ordered, error) {
	o := &ordered{drained: make(chan struct{}, 1)}
	var err error
	if o.wake, o.end, err = os.Pipe(); err != nil {
		return nil, err
	}
	for i, f := range []*os.File{pipes[0], pipes[1], o.wake} {
		if o.fds[i].Fd = -1; f == nil { // a terminal has one stream
			continue
		}
		if o.fds[i].Fd, err = descriptor(f); err != nil {
			o.close()
			return nil, err
		}
		if err := unix.SetNonblock(int(o.fds[i].Fd), true); err != nil { // a terminal isn't yet
			o.close()
			return nil, err
		}
		o.fds[i].Events = unix.POLLIN
	}
	if o.watcher, err = newWatcher(o.fds[:]); err != nil {
		o.close()
		return nil, err
	}
	return o, nil
}

// descriptor returns a file's descriptor.
func descriptor(f *os.File) (fd int32, err error) {
	c, err := f.SyscallConn()
	if err == nil {
		err = c.Control(func(n uintptr) { fd = int32(n) }) //nolint:gosec // descriptors are small
	}
	return fd, err
}

// stop makes read return.
func (o *ordered) stop() { o.end.Close() }

// drain makes read send a value to drained when all that had been written is read.
func (o *ordered) drain() {
	_, _ = o.end.Write([]byte{0}) // after stop, read has returned
}

func (o *ordered) close() {
	o.wake.Close()
	o.end.Close()
	o.watcher.Close() // nothing, if there is none
}

// read calls f with what is read from the pipes, until both are at their end or stop is
// called.
func (o *ordered) read(f func(pipe int, b []byte)) {
	buf := [2][]byte{make([]byte, 32<<10), make([]byte, 32<<10)}
	last := 1
	for o.fds[0].Fd >= 0 || o.fds[1].Fd >= 0 {
		if err := awaitReady(o.watcher, o.fds[:]); err != nil {
			return
		}
		asked := o.fds[2].Revents != 0
		if asked && o.isStopped() {
			return
		}
		var came [2][]byte
		for i := range came {
			if o.fds[i].Fd >= 0 && o.fds[i].Revents != 0 {
				came[i] = buf[i][:o.readOne(i, buf[i])]
			}
		}
		last = deliver(came, last, f)
		if asked {
			last = o.readAll(&buf, last, f)
			select {
			case o.drained <- struct{}{}:
			default:
			}
		}
	}
}

// isStopped takes what was written to wake, and reports whether that was its end.
func (o *ordered) isStopped() bool {
	n, err := unix.Read(int(o.fds[2].Fd), make([]byte, 16))
	return n <= 0 && !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR)
}

// pipeBytes is the most that a pipe or a terminal can hold of a user who isn't root.
//
// https://man7.org/linux/man-pages/man7/pipe.7.html
const pipeBytes = 1 << 20

// readAll reads what has been written so far. A process that never stops writing, and
// so keeps its pipe from being empty, doesn't hold it up.
func (o *ordered) readAll(buf *[2][]byte, last int, f func(int, []byte)) int {
	for left := [2]int{pipeBytes, pipeBytes}; left[0] > 0 || left[1] > 0; {
		var came [2][]byte
		for i := range came {
			if o.fds[i].Fd >= 0 && left[i] > 0 {
				came[i] = buf[i][:o.readOne(i, buf[i])]
			}
			left[i] -= len(came[i])
			if len(came[i]) == 0 {
				left[i] = 0
			}
		}
		last = deliver(came, last, f)
	}
	return last
}

// deliver calls f with what came from both pipes since the last time, and returns the
// pipe of the last call. The order is known only if one of them is empty. Else deliver
// begins with the pipe that wasn't the last. If both have several lines, and equally
// many, the program is taken to alternate between its streams, and so does deliver.
func deliver(came [2][]byte, last int, f func(pipe int, b []byte)) int {
	next := 1 - last
	n, m := bytes.Count(came[0], newline), bytes.Count(came[1], newline)
	if n > 1 && n <= maxAlternating && max(n-m, m-n) <= 1 {
		for len(came[0]) > 0 && len(came[1]) > 0 {
			end := bytes.IndexByte(came[next], '\n') + 1
			if end == 0 {
				break
			}
			f(next, came[next][:end])
			came[next], next = came[next][end:], 1-next
		}
	}
	for _, i := range []int{next, 1 - next} {
		if len(came[i]) > 0 {
			f(i, came[i])
			last = i
		}
	}
	return last
}

var newline = []byte{'\n'}

// maxAlternating limits how many lines are delivered one by one.
const maxAlternating = 100

// readOne reads once. At the pipe's end it sets the descriptor to -1, which Poll skips.
func (o *ordered) readOne(i int, buf []byte) int {
	n, err := unix.Read(int(o.fds[i].Fd), buf)
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return 0
	case n <= 0:
		o.fds[i].Fd, o.fds[i].Revents = -1, 0 // a terminal ends with an error
	}
	return max(n, 0)
}
