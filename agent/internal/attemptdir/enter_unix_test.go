//go:build unix

package attemptdir_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestRootsWorkDirCanBeEntered: by a program that was started as root and gives that up,
// as databases do in tests. Other users' agents keep theirs to themselves.
func TestRootsWorkDirCanBeEntered(t *testing.T) {
	t.Parallel()
	d := create(t)
	want := fs.FileMode(0o700)
	if os.Geteuid() == 0 {
		want = 0o711
	}
	root := filepath.Dir(string(d))
	for _, dir := range []string{string(d), root, d.Work()} {
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm()&0o711 != want {
			t.Errorf("%s: mode %v, %v; want %v", dir, info.Mode(), err, want)
		}
	}
}
