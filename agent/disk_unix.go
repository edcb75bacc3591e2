//go:build unix

package agent

import "syscall"

// diskFaults: full, over quota, read-only, broken.
var diskFaults = []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EIO}
