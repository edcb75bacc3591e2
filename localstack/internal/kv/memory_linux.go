package kv

import "golang.org/x/sys/unix"

// machineMemory is the machine's memory in bytes, 0 where it isn't known.
func machineMemory() int64 {
	var i unix.Sysinfo_t
	if unix.Sysinfo(&i) != nil {
		return 0
	}
	return int64(i.Totalram) * int64(i.Unit)
}
