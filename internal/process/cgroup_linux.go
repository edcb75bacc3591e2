package process

import (
	"os"
	"syscall"
)

// startIn makes a program start in a control group.
func startIn(attr *syscall.SysProcAttr, cgroup *os.File) {
	if cgroup != nil {
		attr.UseCgroupFD, attr.CgroupFD = true, int(cgroup.Fd())
	}
}
