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

func pack(t *testing.T, dir string) ([]byte, Packed) {
	t.Helper()
	var b bytes.Buffer
	p, err := Pack(t.Context(), dir, &b)
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

func TestPackLeavesOut(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{
		".git/HEAD": "x", "sub/.git": "gitdir: elsewhere", ".gitignore": "*.o\n/build/\n!keep.o\n",
		"a.o": "", "keep.o": "", "build/x": "", "sub/build/x": "", "sub/.gitignore": "local\n!a.o\n", "sub/a.o": "",
		"sub/local": "", "local": "", ".errandignore": "secret*\n!build/\n", "secret.txt": "", "sub/secrets/x": "",
	})
	b, _ := pack(t, dir)
	want := []string{
		".errandignore", ".gitignore", "build/", "build/x", "keep.o", "local",
		"sub/", "sub/.gitignore", "sub/a.o", "sub/build/", "sub/build/x",
	}
	if diff := cmp.Diff(want, names(t, b)); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func TestPackReadsTheIgnoreFilesAboveInAWorkTree(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{
		".git/HEAD": "x", ".gitignore": "node_modules/\n/pkg/a/gen\n/gen\n", "pkg/.gitignore": "*.log\n",
		"pkg/a/node_modules/x": "", "pkg/a/gen": "", "pkg/a/b/gen": "", "pkg/a/x.log": "", "pkg/a/main": "",
	})
	b, _ := pack(t, filepath.Join(dir, "pkg", "a"))
	if diff := cmp.Diff([]string{"b/", "b/gen", "main"}, names(t, b)); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func TestPackRefuses(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("symbolic links need a privilege")
	}
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"absolute link", map[string]string{"sub/l": "-> /etc/passwd"}, `"sub/l": the symbolic link points to the absolute path "/etc/passwd"`},
		{"link out", map[string]string{"sub/l": "-> ../../x"}, `"sub/l": the symbolic link points to "../../x"`},
		{"link out through a link", map[string]string{"d/e/up": "-> ../..", "d/e/l": "-> up/../x"}, `"d/e/l": the symbolic link points outside the directory`},
		{"backslash", map[string]string{`a\b`: ""}, `"a\\b": the name contains a backslash`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Pack(t.Context(), tree(t, tt.files), io.Discard)
			var e *EntryError
			if !errors.As(err, &e) || !errors.Is(err, ErrUnsafe) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), ".errandignore") {
				t.Errorf("got %v; want an unsafe entry with %q", err, tt.want)
			}
		})
	}
	t.Run("too large", func(t *testing.T) {
		dir := tree(t, map[string]string{"a": "12345", "b/c": "67890"})
		for _, l := range []Limits{{MaxBytes: 9, MaxFiles: 3}, {MaxBytes: 10, MaxFiles: 2}, {MaxDepth: 1}} {
			_, err := packWithin(t.Context(), dir, io.Discard, l)
			if !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), `"b/c": the`) || !strings.Contains(err.Error(), ".errandignore") {
				t.Errorf("%+v: %v", l, err)
			}
		}
		var b bytes.Buffer
		whole := Limits{MaxBytes: 10, MaxFiles: 3}
		if _, err := packWithin(t.Context(), dir, &b, whole); err != nil {
			t.Fatal(err)
		}
		zip := filepath.Join(t.TempDir(), "a.zip")
		if err := os.WriteFile(zip, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Unpack(t.Context(), zip, filepath.Join(t.TempDir(), "out"), whole); err != nil {
			t.Errorf("what is packed within the limits is not unpacked: %v", err)
		}
	})
	t.Run("missing directory", func(t *testing.T) {
		if _, err := Pack(t.Context(), filepath.Join(t.TempDir(), "none"), io.Discard); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		why := errors.New("why")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(why)
		if _, err := Pack(ctx, tree(t, map[string]string{"a": ""}), io.Discard); !errors.Is(err, why) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("full disk", func(t *testing.T) {
		big := tree(t, map[string]string{"a": strings.Repeat("0123456789abcdef", 1<<16)})
		if _, err := Pack(t.Context(), big, failingWriter{}); !errors.Is(err, errFull) {
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
	stats, err := Unpack(t.Context(), zipPath, out, Limits{})
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
