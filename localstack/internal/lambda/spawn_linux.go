package lambda

import "syscall"

// takenAlong has the process killed when its parent is gone, however that went:
// one that is frozen at that moment could stand still for ever.
func takenAlong(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }
