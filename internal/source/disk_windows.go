package source

import "golang.org/x/sys/windows"

const errNoSpace = windows.ERROR_DISK_FULL

// DiskSpace is what this user may still write to the disk of a directory, in bytes.
func DiskSpace(dir string) (int64, error) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	var available uint64
	if err := windows.GetDiskFreeSpaceEx(name, &available, nil, nil); err != nil {
		return 0, err
	}
	return int64(available), nil
}
