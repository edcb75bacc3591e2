//go:build linux || darwin

package agent

import "golang.org/x/sys/unix"

// freeDisk is what a user may write in the directory's file system, in bytes; 0: not known.
func freeDisk(dir string) int64 {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return 0
	}
	return knownBytes(int64(fs.Bavail) * int64(fs.Bsize)) //nolint:unconvert // its type differs between systems
}
