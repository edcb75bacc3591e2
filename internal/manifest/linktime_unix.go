//go:build unix

package manifest

import (
	"errors"
	"os"
	"path"
	"time"

	"golang.org/x/sys/unix"
)

// setLinkTime sets the time of a symbolic link itself.
func setLinkTime(root *os.Root, name string, t time.Time) error {
	dir, base := path.Split(name)
	f, err := root.Open(path.Clean(dir))
	if err != nil {
		return err
	}
	ts, err := unix.TimeToTimespec(t)
	if err == nil {
		err = unix.UtimesNanoAt(int(f.Fd()), base, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW)
	}
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EOPNOTSUPP) {
		err = nil // of a file system whose links have no times
	}
	return errors.Join(err, f.Close())
}
