//go:build unix

package process

import (
	"errors"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// group is a program's process group.
type group struct {
	cmd    *exec.Cmd
	reaped bool
}

func (p Program) prepare(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	startIn(cmd.SysProcAttr, p.cgroup)
}

func newGroup(cmd *exec.Cmd, _ *console) (*group, error) { return &group{cmd: cmd}, nil }

// terminate asks the group to end. It returns true: here, something always can.
func (g *group) terminate() bool {
	g.signal(syscall.SIGTERM)
	return true
}

func (g *group) kill() { g.signal(syscall.SIGKILL) }

// signal ignores errors: the group may be gone already, and nothing can be done
// about a process that we may not signal (a set-user-ID program).
func (g *group) signal(s syscall.Signal) {
	if g.isOurs() {
		_ = syscall.Kill(-g.cmd.Process.Pid, s)
	}
}

// alive reports whether a process of the group runs. Its leader must be reaped.
func (g *group) alive() bool {
	return g.isOurs() && !errors.Is(syscall.Kill(-g.cmd.Process.Pid, 0), syscall.ESRCH)
}

// isOurs reports whether the group's ID is still the group's. If the leader is reaped
// and no process of the group is left, a process of another session may get the ID.
func (g *group) isOurs() bool {
	if !g.reaped {
		return true
	}
	own, err := unix.Getsid(0)
	other, otherErr := unix.Getsid(g.cmd.Process.Pid)
	return err == nil && (otherErr != nil || own == other)
}

// reap collects the leader's status. After that its process ID may be reused.
func (g *group) reap() {
	if g.cmd.ProcessState == nil {
		_ = g.cmd.Wait() // the result is in ProcessState
	}
	g.reaped = true
	forgetLeader(g.cmd.Process.Pid)
}

func (g *group) close() {}

func (g *group) exit() Exit {
	st := g.cmd.ProcessState
	if st == nil {
		return Exit{Code: -1}
	}
	ws, ok := st.Sys().(syscall.WaitStatus)
	if ok && ws.Signaled() {
		return Exit{Code: 128 + int(ws.Signal()), Signal: ws.Signal().String()}
	}
	return Exit{Code: st.ExitCode()}
}

// isTransient reports whether a start may succeed later: another process, forked
// while the program's file was written, still has it open (ETXTBSY), or there
// were too many processes (EAGAIN).
func isTransient(err error) bool {
	return errors.Is(err, syscall.ETXTBSY) || errors.Is(err, syscall.EAGAIN)
}

func sameName(a, b string) bool { return a == b }
