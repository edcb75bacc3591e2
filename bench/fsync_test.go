package bench

import "testing"

// fsyncFloor is what the disk itself allows: n bytes are appended to a file on
// the same file system and synced, one after another:
// a subject for one worker.
func fsyncFloor(b testing.TB, n int) subject {
	b.Helper()
	f := newLog(b)
	data := make([]byte, n)
	return subject{name: "append and fsync", op: func(int) error {
		if _, err := f.Write(data); err != nil {
			return err
		}
		return datasync(f)
	}}
}
