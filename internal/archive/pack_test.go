package archive

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/errandhq/errand/internal/project"
)

// tree writes files (path → content; a path with a slash at its end is a
// directory, content "-> x" a symbolic link) into a new directory.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		switch target, isLink := strings.CutPrefix(content, "-> "); {
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(at, 0o755)
		case isLink:
			err = os.Symlink(target, at)
		default:
			err = os.WriteFile(at, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func choose(t testing.TB, dir string) *project.Selection {
	t.Helper()
	s, err := project.Select(t.Context(), dir, project.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func pack(t *testing.T, dir string) ([]byte, Packed) {
	t.Helper()
	var b bytes.Buffer
	p, err := Pack(t.Context(), choose(t, dir), &b)
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), p
}

func names(t *testing.T, b []byte) []string {
	t.Helper()
	zr, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	list := []string{}
	for _, f := range zr.File {
		list = append(list, f.Name)
	}
	return list
}

func TestPackIsTheSameForTheSameFiles(t *testing.T) {
	t.Parallel()
	files := map[string]string{"b.txt": "bee", "a/z": "zed", "a/b/c": "sea", "empty/": ""}
	one, two := tree(t, files), tree(t, files)
	old := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	if err := os.Chtimes(filepath.Join(two, "b.txt"), old, old); err != nil {
		t.Fatal(err)
	}
	b1, p1 := pack(t, one)
	b2, p2 := pack(t, two)
	if !bytes.Equal(b1, b2) || !cmp.Equal(p1, p2) {
		t.Errorf("two packs of the same files differ: %+v, %+v", p1, p2)
	}
	sum := sha256.Sum256(b1)
	want := Packed{Files: 3, Bytes: 9, Size: int64(len(b1)), SHA256: hex.EncodeToString(sum[:])}
	if diff := cmp.Diff(want, p1); diff != "" {
		t.Errorf("packed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a/", "a/b/", "a/b/c", "a/z", "b.txt", "empty/"}, names(t, b1)); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func TestPackRefuses(t *testing.T) {
	t.Parallel()
	t.Run("too large", func(t *testing.T) {
		dir := tree(t, map[string]string{"a": "12345", "b/c": "67890"})
		for _, l := range []Limits{{MaxBytes: 9, MaxFiles: 3}, {MaxBytes: 10, MaxFiles: 2}, {MaxDepth: 1}} {
			_, err := packWithin(t.Context(), choose(t, dir), io.Discard, l)
			if !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), `"b/c": the`) || !strings.Contains(err.Error(), ".errandignore") {
				t.Errorf("%+v: %v", l, err)
			}
		}
		var b bytes.Buffer
		whole := Limits{MaxBytes: 10, MaxFiles: 3}
		if _, err := packWithin(t.Context(), choose(t, dir), &b, whole); err != nil {
			t.Fatal(err)
		}
		zip := filepath.Join(t.TempDir(), "a.zip")
		if err := os.WriteFile(zip, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Unpack(t.Context(), zip, filepath.Join(t.TempDir(), "out"), whole, nil); err != nil {
			t.Errorf("what is packed within the limits is not unpacked: %v", err)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		why := errors.New("why")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(why)
		if _, err := Pack(ctx, choose(t, tree(t, map[string]string{"a": ""})), io.Discard); !errors.Is(err, why) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("full disk", func(t *testing.T) {
		big := tree(t, map[string]string{"a": strings.Repeat("0123456789abcdef", 1<<16)})
		if _, err := Pack(t.Context(), choose(t, big), failingWriter{}); !errors.Is(err, errFull) {
			t.Errorf("got %v", err)
		}
	})
}

var errFull = errors.New("full")

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errFull }

func TestPackAndUnpackKeepModesAndLinks(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no permission bits, and symbolic links need a privilege")
	}
	dir := tree(t, map[string]string{
		"run.sh": "#!/bin/sh\n", "ro": "read only", "d/x": "x", "d/up": "-> ../run.sh", "dangling": "-> nowhere", "loop": "-> loop", "dirlink": "-> d",
		"outside": "-> ../../other", "absolute": "-> /usr/bin/python3", `back\slash`: "b", "a:b": "c", "aux.txt": "d", "\xff.bin": "e",
	})
	for name, mode := range map[string]fs.FileMode{"run.sh": 0o755, "ro": 0o444, "d": 0o711} {
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	b, p := pack(t, dir)
	zipPath := filepath.Join(t.TempDir(), "a.zip")
	if err := os.WriteFile(zipPath, b, 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "new", "out")
	stats, err := Unpack(t.Context(), zipPath, out, Limits{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Stats{Files: p.Files, Dirs: 1, Bytes: p.Bytes}); stats != want {
		t.Errorf("stats %+v, want %+v", stats, want)
	}
	again, _ := pack(t, out)
	if !bytes.Equal(b, again) {
		t.Errorf("what was unpacked packs differently: %v, then %v", names(t, b), names(t, again))
	}
	if got, _ := os.ReadFile(filepath.Join(out, "d", "up")); string(got) != "#!/bin/sh\n" {
		t.Errorf("through the link: %q", got)
	}
}

func TestPackLeavesOutAFileThatIsGone(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"a": "1", "b": "2"})
	s := choose(t, dir)
	if err := os.Remove(filepath.Join(dir, "a")); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if p, err := Pack(t.Context(), s, &b); err != nil || p.Files != 1 {
		t.Errorf("packed %+v, %v", p, err)
	}
	if diff := cmp.Diff([]string{"b"}, names(t, b.Bytes())); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

// TestPackCutsAGrowingFile: the file grows with each write to the archive.
func TestPackCutsAGrowingFile(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"a.log": "0123456789"})
	grow := func() {
		f, err := os.OpenFile(filepath.Join(dir, "a.log"), os.O_APPEND|os.O_WRONLY, 0)
		if err == nil {
			_, err = f.WriteString(strings.Repeat("x", 1<<16))
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			t.Error(err)
		}
	}
	if p, err := Pack(t.Context(), choose(t, dir), writerFunc(grow)); err != nil || p.Bytes != 10 {
		t.Errorf("packed %+v, %v", p, err)
	}
}

type writerFunc func()

func (f writerFunc) Write(b []byte) (int, error) { f(); return len(b), nil }
