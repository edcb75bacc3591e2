//go:build unix

package source

import "golang.org/x/sys/unix"

const errNoSpace = unix.ENOSPC

// DiskSpace is what this user may still write to the disk of a directory, in bytes.
func DiskSpace(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil //nolint:unconvert // differs by system
}
