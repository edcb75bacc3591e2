package lambda

import "syscall"

// killWithParent has the kernel kill the process when its parent ends, however it
// ends: a process that is frozen then could stay forever.
func killWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }
