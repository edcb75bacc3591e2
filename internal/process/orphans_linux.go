package process

import (
	"bytes"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// adopting says that this process is the parent of all orphans among its
// descendants, so that each of them is found below it.
var adopting bool

// reapInterval limits how often ended orphans are collected.
const reapInterval = 100 * time.Millisecond

// AdoptOrphans makes this process the parent of every descendant whose own parent
// ends, also of those with a session and an environment of their own. From then on a
// Sequence ends all of them. The process must run one Sequence at a time, and start
// no other processes. AdoptOrphans is called once, before the first Sequence, and
// does nothing where the system lacks it.
//
// https://man7.org/linux/man-pages/man2/PR_SET_CHILD_SUBREAPER.2const.html
func AdoptOrphans() {
	if _, err := os.Stat(childrenFile(os.Getpid(), os.Getpid())); err != nil {
		return // the kernel lacks CONFIG_PROC_CHILDREN
	}
	if unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != nil {
		return
	}
	adopting = true
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	go func() { // for the process's life
		for range ended {
			time.Sleep(reapInterval) // a leader is collected until then, and mostly nothing is left to look for
			orphans()
		}
	}()
}

// orphans returns the living children of this process that are no leaders, and
// collects those that have ended.
func orphans() []int {
	leaders.mu.Lock()
	defer leaders.mu.Unlock()
	if !hasChildren() {
		return nil
	}
	var living []int
	for _, pid := range childrenOf(os.Getpid()) {
		if leaders.pids[pid] {
			continue
		}
		if got, err := syscall.Wait4(pid, nil, syscall.WNOHANG, nil); err == nil && got == 0 {
			living = append(living, pid)
		}
	}
	return living
}

// hasChildren reports whether this process has children, living or ended. It is one
// system call, where childrenOf takes several for each thread of the process.
func hasChildren() bool {
	for {
		err := unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return err != unix.ECHILD
		}
	}
}

// descendants returns the IDs of the orphans and all their descendants.
func descendants() []int {
	all := orphans()
	for i := 0; i < len(all); i++ {
		all = append(all, childrenOf(all[i])...)
	}
	return all
}

func childrenFile(pid, thread int) string {
	return fmt.Sprintf("/proc/%d/task/%d/children", pid, thread)
}

// childrenOf returns the children of all threads of a process; none if it has ended.
func childrenOf(pid int) []int {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil
	}
	var all []int
	for _, t := range threads {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, t.Name()))
		if err != nil {
			continue // the thread has ended; the kernel gave its children to another
		}
		for f := range bytes.FieldsSeq(b) {
			if child, err := strconv.Atoi(string(f)); err == nil {
				all = append(all, child)
			}
		}
	}
	return all
}

func nameOf(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return strconv.Itoa(pid)
	}
	return strings.TrimSpace(string(b))
}

// signalDescendant signals a process that descendants returned. Its ID may be another
// process's by now. So signalDescendant opens a pidfd first, which keeps referring to the
// same process, and looks where that is.
func signalDescendant(pid int, kill bool) {
	s := syscall.SIGTERM
	if kill {
		s = syscall.SIGKILL
	}
	p, err := os.FindProcess(pid) // opens a pidfd if the kernel supports it
	if err != nil {
		return
	}
	defer func() { _ = p.Release() }()
	if isDescendant(pid) {
		_ = p.Signal(s) // it may have ended, or be another user's
	}
}

// isDescendant reports whether a process is below this one.
func isDescendant(pid int) bool {
	for self := os.Getpid(); pid > 1; pid = parentOf(pid) {
		if pid == self {
			return true
		}
	}
	return false
}

// workOfDescendants returns the processor time that all descendants have used, in ticks,
// and what they have written, in bytes, as one number that grows with both, and whether
// all of them sleep. Where descendants aren't known, none sleeps.
func workOfDescendants() (work int64, asleep bool) {
	if !adopting {
		return 0, false
	}
	for _, pid := range descendants() {
		fields := statOf(pid)
		if len(fields) < 13 {
			continue // it has ended
		}
		if state := fields[0][0]; state != 'S' && state != 'Z' && state != 'T' {
			return 0, false
		}
		user, _ := strconv.ParseInt(string(fields[11]), 10, 64)
		system, _ := strconv.ParseInt(string(fields[12]), 10, 64)
		work += user + system + writtenBy(pid)
	}
	return work, true
}

// writtenBy returns how many bytes a process has written, also to pipes.
func writtenBy(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", pid))
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(b) {
		if n, ok := bytes.CutPrefix(line, []byte("wchar: ")); ok {
			written, _ := strconv.ParseInt(string(bytes.TrimSpace(n)), 10, 64)
			return written
		}
	}
	return 0
}

// statOf returns the fields of a process's status after its name; none if it has ended.
//
// https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
func statOf(pid int) [][]byte {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	return bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:]) // the name may hold anything
}

// parentOf returns the parent of a process; 0 if that has ended.
func parentOf(pid int) int {
	if fields := statOf(pid); len(fields) > 1 {
		parent, _ := strconv.Atoi(string(fields[1]))
		return parent
	}
	return 0
}
