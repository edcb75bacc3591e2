//go:build unix

package httplimit

import "syscall"

// OpenFiles is the process's limit of open files and sockets.
func OpenFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return manyFiles
	}
	return int(min(uint64(limit.Cur), manyFiles)) //nolint:unconvert // signed on some systems
}
