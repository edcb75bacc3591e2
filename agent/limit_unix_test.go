//go:build unix

package agent_test

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
)

// limitFiles makes writes beyond so many bytes of a file fail, in this process
// and those that it starts.
func limitFiles(bytes string) {
	if bytes == "" {
		return
	}
	n, err := strconv.ParseUint(bytes, 10, 63)
	if err == nil {
		signal.Ignore(syscall.SIGXFSZ) // writes get EFBIG then
		var limit syscall.Rlimit
		setLimit(&limit.Cur, n)
		setLimit(&limit.Max, n)
		err = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// setLimit sets a limit, which is signed on some systems.
func setLimit[T int64 | uint64](limit *T, n uint64) { *limit = T(n) }
