package supervisor

import (
	"os"
	"os/exec"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/errandhq/errand/internal/process"
)

// detach gives the supervisor a console of its own, which it shares with the commands,
// so that they can be sent console events.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.CREATE_NO_WINDOW}
}

// environment is the supervisor's own. It must hold no secrets.
func environment() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "SystemRoot=" + os.Getenv("SystemRoot"), "TEMP=" + os.Getenv("TEMP")}
}

// consoleArg makes Main run a program on a console.
const consoleArg = "console"

// Console is process.Sequence.Console, given the command that Start takes; nil if there is
// none.
func Console(command []string) []string {
	if len(command) == 0 {
		return nil
	}
	return append(slices.Clone(command), consoleArg)
}

func runOnConsole(args []string) (code int, done bool) {
	if len(args) == 0 || args[0] != consoleArg {
		return 0, false
	}
	return process.RunOnConsole(args[1:]), true
}

// endWithThis puts this process into a job object that ends with it, and with it all
// processes that it starts.
func endWithThis() error {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return err
	}
	info := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{
		BasicLimitInformation: windows.JOBOBJECT_BASIC_LIMIT_INFORMATION{LimitFlags: windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE},
	}
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)))
	if err != nil {
		return err
	}
	return windows.AssignProcessToJobObject(job, windows.CurrentProcess()) // the handle stays open until the end
}
