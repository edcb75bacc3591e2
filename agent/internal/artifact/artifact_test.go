package artifact

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/internal/meter"
)

// folder makes a folder of files; a name that ends with a slash is a folder.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		at := filepath.Join(dir, filepath.FromSlash(name))
		check(t, os.MkdirAll(filepath.Dir(at), 0o755))
		if strings.HasSuffix(name, "/") {
			check(t, os.MkdirAll(at, 0o755))
			continue
		}
		check(t, os.WriteFile(at, []byte(text), 0o644))
	}
	return dir
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func collect(t *testing.T, dir string, wanted ...errand.Artifact) *Found {
	t.Helper()
	found, err := Collect(t.Context(), dir, wanted, nil)
	check(t, err)
	return found
}

func paths(l *errand.ArtifactList) (all []string) {
	for _, f := range l.Files {
		all = append(all, f.Path)
	}
	return all
}

func TestCollect(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{
		"dist/app": "program", "dist/sub/lib.a": "library", "dist/.git/config": "secret", "dist/empty/": "",
		"report.xml": "no XML", "src/main.c": "source", ".git/config": "secret",
	})
	at := time.Date(2026, 11, 24, 12, 0, 0, 123456789, time.UTC)
	check(t, os.Chtimes(filepath.Join(dir, "dist/app"), at, at))
	check(t, os.Chmod(filepath.Join(dir, "dist/app"), 0o4751))
	found := collect(t, dir,
		errand.Artifact{Path: "dist", Name: "binaries"}, errand.Artifact{Path: "*.xml"}, errand.Artifact{Path: "dist/**/*.a", Name: "second"},
		errand.Artifact{Path: "*.log"}, errand.Artifact{Path: "*.txt", Optional: true}, errand.Artifact{Path: ".git/config"},
	)
	if diff := cmp.Diff([]string{"dist/app", "dist/sub/lib.a", "report.xml"}, paths(&found.List)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(errand.Artifacts{Files: 3, Bytes: 20, Missing: []string{"*.log", ".git/config"}}, found.Sums); diff != "" {
		t.Errorf("sums (-want +got):\n%s", diff)
	}
	sum := sha256.Sum256([]byte("program"))
	want := errand.ArtifactFile{Path: "dist/app", Content: errand.Content{SHA256: hex.EncodeToString(sum[:]), Size: 7}, Mode: "0751", ModifiedAt: at, Name: "binaries"}
	if runtime.GOOS == "windows" { // NTFS counts 100 ns, and has no modes
		want.Mode, want.ModifiedAt = "0666", at.Truncate(100)
	}
	got := found.List.Files[0]
	got.ModifiedAt = got.ModifiedAt.UTC()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("file (-want +got):\n%s", diff)
	}
	if found.Tests != nil || len(found.Notes) != 0 {
		t.Errorf("tests %v, notes %q", found.Tests, found.Notes)
	}
}

// TestCollectCounts: what is read is counted while it is read.
func TestCollectCounts(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"a": strings.Repeat("x", 700), "b": strings.Repeat("y", 300), "c": "not wanted"})
	clk := clock.NewManual(time.Unix(0, 0))
	var m meter.Meter
	var said []string
	defer m.Say(clk, "collecting", func(line string) { said = append(said, line) })()
	_, err := Collect(t.Context(), dir, []errand.Artifact{{Path: "a"}, {Path: "b"}}, &m)
	check(t, err)
	clk.Advance(5 * time.Second)
	if diff := cmp.Diff([]string{"collecting: 1.0 kB, 200 bytes/s"}, said); diff != "" {
		t.Error(diff)
	}
}

// TestCollectEnds: what is collected when the attempt is ended is not given back.
func TestCollectEnds(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"a": "x"})
	why := errors.New("the job was cancelled")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if _, err := Collect(ctx, dir, []errand.Artifact{{Path: "a"}}, nil); !errors.Is(err, why) {
		t.Errorf("error %v", err)
	}
}

// TestOpenChanged: a file that changed its length, or isn't one any more, is not sent.
func TestOpenChanged(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"a": "x"})
	root, err := os.OpenRoot(dir)
	check(t, err)
	defer root.Close()
	file := errand.ArtifactFile{Path: "a", Content: errand.Content{Size: 1}}
	f, err := Open(root, &file)
	check(t, err)
	check(t, f.Close())
	check(t, os.WriteFile(filepath.Join(dir, "a"), []byte("longer"), 0o600))
	if _, err := Open(root, &file); !errors.Is(err, ErrChanged) {
		t.Errorf("longer: %v", err)
	}
	check(t, os.Remove(filepath.Join(dir, "a")))
	if _, err := Open(root, &file); !errors.Is(err, ErrChanged) {
		t.Errorf("gone: %v", err)
	}
	check(t, os.Mkdir(filepath.Join(dir, "a"), 0o755))
	if _, err := Open(root, &file); !errors.Is(err, ErrChanged) {
		t.Errorf("a folder: %v", err)
	}
}
