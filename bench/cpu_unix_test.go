//go:build unix

package bench

import (
	"syscall"
	"time"
)

// cpuTime returns the CPU time of this process so far. On a busy machine it is more
// meaningful than wall time.
func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
