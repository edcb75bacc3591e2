package agent

import "golang.org/x/sys/windows"

// freeDisk is what a user may write in the directory's file system, in bytes; 0: not known.
func freeDisk(dir string) int64 {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(name, &free, nil, nil); err != nil {
		return 0
	}
	return knownBytes(int64(free))
}
