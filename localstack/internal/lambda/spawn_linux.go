package lambda

import "syscall"

// endWithParent has the kernel end the process when its parent ends, however it ends: a
// process that is frozen then could stay forever. One that serves one invocation is never
// frozen, and can end first what it has started.
func endWithParent(a *syscall.SysProcAttr, oneShot bool) {
	a.Pdeathsig = syscall.SIGKILL
	if oneShot {
		a.Pdeathsig = syscall.SIGTERM
	}
}
