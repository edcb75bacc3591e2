package process

import (
	"errors"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// group is the job object of a program and its children.
type group struct {
	cmd *exec.Cmd
	job windows.Handle // 0 if it could not be created: then only the program itself is ended

	console  *console       // nil: none
	watching sync.WaitGroup // of who ends it
	closed   chan struct{}  // closed by close
}

// prepare gives the program its own console group, for CTRL_BREAK. It starts
// suspended, so that it has no children before it is in its job object.
func (p Program) prepare(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{
		CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.CREATE_SUSPENDED, CmdLine: p.commandLine,
	}
}

// newGroup puts the suspended program into a job object that ends with this
// process, and lets it run.
func newGroup(cmd *exec.Cmd, c *console) (*group, error) {
	g := &group{cmd: cmd, console: c, closed: make(chan struct{})}
	if job, err := newJobObject(); err == nil {
		if err = assign(job, cmd.Process.Pid); err == nil {
			g.job = job
		} else {
			_ = windows.CloseHandle(job)
		}
	}
	if err := resume(cmd.Process.Pid); err != nil {
		g.kill()
		g.waitLeader()
		g.close()
		return nil, err
	}
	return g, nil
}

func newJobObject() (windows.Handle, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return 0, err
	}
	info := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{
		BasicLimitInformation: windows.JOBOBJECT_BASIC_LIMIT_INFORMATION{LimitFlags: windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE},
	}
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)))
	if err != nil {
		_ = windows.CloseHandle(job)
		return 0, err
	}
	return job, nil
}

func assign(job windows.Handle, pid int) error {
	h, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, uint32(pid))
	if err != nil {
		return err
	}
	defer windows.CloseHandle(h)
	return windows.AssignProcessToJobObject(job, h)
}

// resume lets the threads of a suspended process run. os/exec does not keep the
// handle of the first thread, so resume looks for it.
func resume(pid int) error {
	snapshot, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPTHREAD, 0)
	if err != nil {
		return err
	}
	defer windows.CloseHandle(snapshot)
	resumed := false
	t := windows.ThreadEntry32{Size: uint32(unsafe.Sizeof(windows.ThreadEntry32{}))}
	for err = windows.Thread32First(snapshot, &t); err == nil; err = windows.Thread32Next(snapshot, &t) {
		if t.OwnerProcessID != uint32(pid) {
			continue
		}
		if err := resumeThread(t.ThreadID); err != nil {
			return err
		}
		resumed = true
	}
	if !resumed {
		return errors.New("the new process has no thread")
	}
	return nil
}

func resumeThread(id uint32) error {
	h, err := windows.OpenThread(windows.THREAD_SUSPEND_RESUME, false, id)
	if err != nil {
		return err
	}
	defer windows.CloseHandle(h)
	_, err = windows.ResumeThread(h)
	return err
}

// terminate asks the group to end, on a console by Ctrl-C. It returns false if nothing can
// ask it: only a process with a console can send a console event.
func (g *group) terminate() bool {
	if g.console != nil {
		g.console.typeIn(ctrlC)
		return true
	}
	return windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, uint32(g.cmd.Process.Pid)) == nil
}

// kill ends the group and waits until its processes have ended: until then they
// keep the files that they opened, and their directory, from being removed.
func (g *group) kill() {
	if g.job == 0 {
		_ = g.cmd.Process.Kill()
		return
	}
	_ = windows.TerminateJobObject(g.job, 1)
	for limit := time.Now().Add(killWait); g.active() && time.Now().Before(limit); {
		time.Sleep(killPoll)
	}
}

// How long kill waits for the processes' end, and how often it looks.
const (
	killWait = 5 * time.Second
	killPoll = 2 * time.Millisecond
)

// accounting is JOBOBJECT_BASIC_ACCOUNTING_INFORMATION.
type accounting struct {
	_               [4]int64 // times
	_               [2]uint32
	activeProcesses uint32
	_               uint32
}

// active tells whether a process of the group runs.
func (g *group) active() bool {
	var a accounting
	err := windows.QueryInformationJobObject(g.job, windows.JobObjectBasicAccountingInformation,
		uintptr(unsafe.Pointer(&a)), uint32(unsafe.Sizeof(a)), nil)
	return err == nil && a.activeProcesses > 0
}

// waitLeader waits for the leader's end. The console ends with the last process of the
// group, as a terminal does; most often that is the leader.
func (g *group) waitLeader() {
	_ = g.cmd.Wait()
	if g.console != nil && !g.endConsole(time.After(settleTime)) {
		g.watching.Go(func() { g.endConsole(nil) })
	}
}

// endConsole ends the console once no process of the group runs. It returns false if that
// is not so within the limit, or before close.
func (g *group) endConsole(limit <-chan time.Time) bool {
	for wait := killPoll; g.alive(); wait = min(2*wait, settleTime) {
		select {
		case <-time.After(wait):
		case <-limit:
			return false
		case <-g.closed:
			return false
		}
	}
	g.console.close()
	return true
}

func (g *group) reap() {}

// alive reports whether a process of the group runs.
func (g *group) alive() bool { return g.job != 0 && g.active() }

// close ends what is left of the group.
func (g *group) close() {
	close(g.closed)
	g.watching.Wait()
	if g.job != 0 {
		_ = windows.CloseHandle(g.job)
		g.job = 0
	}
}

func (g *group) exit() Exit {
	if g.cmd.ProcessState == nil {
		return Exit{Code: -1}
	}
	return Exit{Code: g.cmd.ProcessState.ExitCode()}
}

// isTransient returns false: no start error on Windows is known to be transient.
func isTransient(error) bool { return false }

func sameName(a, b string) bool { return strings.EqualFold(a, b) }
