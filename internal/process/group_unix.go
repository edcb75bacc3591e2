//go:build unix

package process

import (
	"errors"
	"os/exec"
	"syscall"
)

// group is the process group that a program leads.
type group struct {
	cmd *exec.Cmd
}

// prepare makes the program the leader of a new process group.
func (p Program) prepare(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

func newGroup(cmd *exec.Cmd) *group { return &group{cmd} }

// terminate asks every process of the group to end.
func (g *group) terminate() { g.signal(syscall.SIGTERM) }

// kill ends every process of the group.
func (g *group) kill() { g.signal(syscall.SIGKILL) }

// signal ignores errors: a group that isn't there is what we want, and what we
// may not signal (a set-user-ID program) we can't end.
func (g *group) signal(s syscall.Signal) { _ = syscall.Kill(-g.cmd.Process.Pid, s) }

// reap takes the leader's status, after which its ID may be used again.
func (g *group) reap() {
	if g.cmd.ProcessState == nil {
		_ = g.cmd.Wait() // what it says is in ProcessState
	}
}

// exit is how the leader ended.
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

// passing reports whether a start failed because another process, forked while
// the program's file was being written, has it open still; or because there
// were too many processes for a moment.
func passing(err error) bool {
	return errors.Is(err, syscall.ETXTBSY) || errors.Is(err, syscall.EAGAIN)
}

func sameName(a, b string) bool { return a == b }
