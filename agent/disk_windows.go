package agent

import "syscall"

// diskFaults: ERROR_WRITE_PROTECT, ERROR_CRC, ERROR_HANDLE_DISK_FULL, ERROR_DISK_FULL, ERROR_DISK_QUOTA_EXCEEDED.
var diskFaults = []syscall.Errno{19, 23, 39, 112, 1295}
