package kv_test

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/errandhq/errand/localstack/internal/kv"
)

// TestLockErrors: only a lock that somebody holds is ErrLocked; a disk that refuses
// to create the lock's file says so.
func TestLockErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		failed error
		locked bool
	}{
		{"read-only file system", &os.PathError{Op: "open", Path: "LOCK", Err: syscall.EROFS}, false},
		{"permission denied", &os.PathError{Op: "open", Path: "LOCK", Err: syscall.EACCES}, false},
		{"not a directory", &os.PathError{Op: "open", Path: "LOCK", Err: syscall.ENOTDIR}, false},
		{"full disk", &os.PathError{Op: "open", Path: "LOCK", Err: syscall.ENOSPC}, false},
		{"no locks on this file system", syscall.ENOLCK, false},
		{"held", errors.New("lock held by current process"), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := kv.Open("db", kv.Options{FS: faulty(vfs.NewMem(), func(op errorfs.Op) error {
				if op.Kind == errorfs.OpLock {
					return tt.failed
				}
				return nil
			})})
			if errors.Is(err, kv.ErrLocked) != tt.locked || !errors.Is(err, tt.failed) {
				t.Errorf("Open: %v; ErrLocked %v", err, errors.Is(err, kv.ErrLocked))
			}
		})
	}
}
