package process

import (
	"os/exec"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// group is the job object that a program and its children are in.
type group struct {
	cmd *exec.Cmd
	job windows.Handle // 0 if it couldn't be made: then only the program itself is ended
}

// prepare gives the program a console group of its own, for CTRL_BREAK.
func (p Program) prepare(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP, CmdLine: p.commandLine}
}

// newGroup puts the program into a job object that dies with us. A child that
// it made before this call stays outside: a window of microseconds.
func newGroup(cmd *exec.Cmd) *group {
	g := &group{cmd: cmd}
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return g
	}
	info := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{
		BasicLimitInformation: windows.JOBOBJECT_BASIC_LIMIT_INFORMATION{LimitFlags: windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE},
	}
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)))
	if err == nil {
		err = assign(job, cmd.Process.Pid)
	}
	if err != nil {
		_ = windows.CloseHandle(job)
		return g
	}
	g.job = job
	return g
}

func assign(job windows.Handle, pid int) error {
	h, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, uint32(pid))
	if err != nil {
		return err
	}
	defer windows.CloseHandle(h)
	return windows.AssignProcessToJobObject(job, h)
}

// terminate asks the program's console group to end.
func (g *group) terminate() {
	_ = windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, uint32(g.cmd.Process.Pid))
}

// kill ends every process of the job object.
func (g *group) kill() {
	if g.job != 0 {
		_ = windows.TerminateJobObject(g.job, 1)
		return
	}
	_ = g.cmd.Process.Kill()
}

// waitLeader waits for the program's end.
func (g *group) waitLeader() { _ = g.cmd.Wait() }

// reap lets go of the job object.
func (g *group) reap() {
	if g.job != 0 {
		_ = windows.CloseHandle(g.job)
		g.job = 0
	}
}

// exit is how the program ended. Windows has no signals.
func (g *group) exit() Exit {
	if g.cmd.ProcessState == nil {
		return Exit{Code: -1}
	}
	return Exit{Code: g.cmd.ProcessState.ExitCode()}
}

// passing: Windows has no start error that is known to pass.
func passing(error) bool { return false }

// sameName: names of variables have no case on Windows.
func sameName(a, b string) bool { return strings.EqualFold(a, b) }
