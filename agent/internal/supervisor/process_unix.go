//go:build unix

package supervisor

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// detach makes the supervisor outlive the agent's terminal. On Linux it runs the
// agent's own file, which may have been replaced since the agent started.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if self, err := os.Executable(); err == nil && runtime.GOOS == "linux" && self == cmd.Path {
		cmd.Path = "/proc/self/exe"
	}
}

// environment is the supervisor's own. It must hold no secrets.
func environment() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.Getenv("TMPDIR")}
}

// Console is not needed: see process.Sequence.
func Console([]string) []string { return nil }

func runOnConsole([]string) (code int, done bool) { return 0, false }

// endWithThis does nothing: AdoptOrphans finds what the commands leave.
func endWithThis() error { return nil }
