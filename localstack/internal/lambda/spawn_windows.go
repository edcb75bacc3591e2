package lambda

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/windows"
)

// systemEnvironment returns the variables that every program needs.
func systemEnvironment(home string) map[string]string {
	root, err := windows.GetSystemWindowsDirectory()
	if err != nil {
		root = `C:\Windows`
	}
	system := filepath.Join(root, "System32")
	return map[string]string{
		"SystemRoot":  root,
		"ComSpec":     filepath.Join(system, "cmd.exe"),
		"PATH":        system + ";" + root,
		"PATHEXT":     ".COM;.EXE;.BAT;.CMD",
		"TEMP":        home,
		"TMP":         home,
		"USERPROFILE": home,
	}
}

// group is a job object: a process and its children.
type group struct{ job windows.Handle }

// startGroup starts cmd and puts it into a job object that ends with its handle. A
// child that cmd starts before then isn't part of it; a Go program has hardly begun
// by that time.
func startGroup(cmd *exec.Cmd, _ bool) (*group, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return nil, fmt.Errorf("create a job object: %w", err)
	}
	info := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{}
	info.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)))
	if err == nil {
		err = startInJob(cmd, job)
	}
	if err != nil {
		_ = windows.CloseHandle(job)
		return nil, err
	}
	return &group{job}, nil
}

func startInJob(cmd *exec.Cmd, job windows.Handle) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	process, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, uint32(cmd.Process.Pid))
	if err == nil {
		err = windows.AssignProcessToJobObject(job, process)
		_ = windows.CloseHandle(process)
	}
	if err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return fmt.Errorf("assign the process to its job object: %w", err)
	}
	return nil
}

// kill ends every process of the group. An empty group is fine.
func (g *group) kill() { _ = windows.TerminateJobObject(g.job, 1) }

// Windows has no documented way to stop a process and its children.
func (g *group) freeze() {}
func (g *group) thaw()   {}

// release is called after the last kill.
func (g *group) release() { _ = windows.CloseHandle(g.job) }
