//go:build unix

package agent

import "syscall"

// diskFaults: disk full, over quota, read-only, I/O error.
var diskFaults = []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EIO}
