//go:build unix

package lambda

import (
	"os/exec"
	"syscall"
)

// systemEnvironment returns the variables that every program needs.
func systemEnvironment(home string) map[string]string {
	return map[string]string{
		"HOME":   home,
		"TMPDIR": home,
		"LANG":   "C.UTF-8",
		"PATH":   "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin",
	}
}

// group is a process group.
type group struct{ pid int }

// startGroup starts cmd as the leader of a process group.
func startGroup(cmd *exec.Cmd, oneShot bool) (*group, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	endWithParent(cmd.SysProcAttr, oneShot)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &group{cmd.Process.Pid}, nil
}

// kill ends every process of the group. An empty group is fine.
func (g *group) kill() { _ = syscall.Kill(-g.pid, syscall.SIGKILL) }

// freeze stops every process of the group; thaw continues them.
func (g *group) freeze() { _ = syscall.Kill(-g.pid, syscall.SIGSTOP) }
func (g *group) thaw()   { _ = syscall.Kill(-g.pid, syscall.SIGCONT) }

// release is called after the last kill.
func (g *group) release() {}
