//go:build unix

package artifact

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/errandhq/errand"
)

// TestCollectHostile: links are kept if they stay in the folder, and never followed; pipes
// don't block; what can't be read is left out, and said.
func TestCollectHostile(t *testing.T) {
	t.Parallel()
	outside := folder(t, map[string]string{"secret": "x"})
	dir := folder(t, map[string]string{"out/a": "x", "src/b": "y"})
	link := func(target, name string) { check(t, os.Symlink(target, filepath.Join(dir, name))) }
	link("a", "out/link")
	link("gone", "out/dangling")
	link("../src", "out/folder")
	link("../../"+filepath.Base(outside)+"/secret", "out/above")
	link(filepath.Join(outside, "secret"), "out/absolute")
	link(outside, "dir")
	link("../src/../src/b", "out/winding")
	check(t, syscall.Mkfifo(filepath.Join(dir, "out/pipe"), 0o600))
	found := collect(t, dir, errand.Artifact{Path: "out"}, errand.Artifact{Path: "dir/secret"})
	if diff := cmp.Diff([]string{"out/a", "out/dangling", "out/folder", "out/link"}, paths(&found.List)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if f := found.List.Files[3]; f.Link != "a" || f.Size != 0 || f.SHA256 != "" {
		t.Errorf("link %+v", f)
	}
	if diff := cmp.Diff([]string{"dir/secret"}, found.Sums.Missing); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
	if n := len(found.Notes); n != 4 || !strings.Contains(found.Sums.Error, "left out") {
		t.Errorf("notes %q, error %q", found.Notes, found.Sums.Error)
	}
	b := errand.ArtifactFile{Path: "out/pipe"}
	root, err := os.OpenRoot(dir)
	check(t, err)
	defer root.Close()
	if _, err := Open(root, &b); err == nil {
		t.Error("a pipe was opened as a file")
	}
}
