package project

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func choose(t testing.TB, dir string, o Options) *Selection {
	t.Helper()
	s, err := Select(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// paths lists the entries: folders with a slash, links with their target.
func paths(s *Selection) string {
	var list []string
	for _, e := range s.Entries {
		switch e.Kind {
		case Folder:
			list = append(list, e.Path+"/")
		case Link:
			list = append(list, e.Path+"->"+e.Target)
		default:
			list = append(list, e.Path)
		}
	}
	return strings.Join(list, " ")
}

func expect(t *testing.T, s *Selection, want string) {
	t.Helper()
	if diff := cmp.Diff(strings.Fields(want), strings.Fields(paths(s))); diff != "" {
		t.Errorf("selected (-want +got):\n%s", diff)
	}
}

// git runs git in dir, with no settings but its own.
func git(t testing.TB, dir string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	settings := []string{"-c", "user.name=t", "-c", "user.email=t@example.net", "-c", "protocol.file.allow=always", "-c", "init.defaultBranch=main"}
	cmd := exec.Command("git", append(settings, args...)...)
	cmd.Dir = dir
	cmd.Env = append(gitEnv(os.Environ()), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func TestSelectWithoutGit(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{
		".gitignore": "*.o\n/build/\n!keep.o\n", ".git/HEAD": "no repository", "sub/.git": "gitdir: elsewhere",
		"a.o": "", "keep.o": "", "build/x": "", "sub/build/x": "", "sub/.gitignore": "local\n!a.o\n", "sub/a.o": "",
		"sub/local": "", "local": "", ".errandignore": "secret*\n!build/\n", "secret.txt": "", "sub/secrets/x": "", "empty/": "",
	})
	expect(t, choose(t, dir, Options{}), `.errandignore .gitignore build/ build/x empty/ keep.o local
		sub/ sub/.gitignore sub/a.o sub/build/ sub/build/x`)
}

func TestSelectWhatGitLists(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{
		".gitignore": "vendor/\n*.log\n.env\n", "vendor/lib.a": "", "vendor/other": "", "kept.log": "", "gone": "", "x.log": "",
		"new": "", ".env": "secret", "app/main": "", "app/.env": "secret", "empty/": "", "logs/x.log": "",
	})
	git(t, dir, "init", "-q")
	git(t, dir, "add", "-f", "vendor/lib.a", "kept.log", "gone", "app/main", ".gitignore")
	if err := os.Remove(filepath.Join(dir, "gone")); err != nil {
		t.Fatal(err)
	}
	expect(t, choose(t, dir, Options{}), ".gitignore app/ app/main empty/ kept.log logs/ new vendor/ vendor/lib.a")
	link := filepath.Join(t.TempDir(), "l")
	if err := os.Symlink(filepath.Join(dir, "app"), link); err != nil {
		t.Skip("no symbolic links: ", err)
	}
	expect(t, choose(t, link, Options{}), "main")
	expect(t, choose(t, dir, Options{Patterns: []string{"/kept.log", "!vendor/other", "logs", "!x.log"}}),
		".gitignore app/ app/main empty/ logs/ logs/x.log new vendor/ vendor/lib.a vendor/other x.log")
}

func TestOpenCutsAGrowingFile(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"a.log": "12345", "gone": "x"})
	s := choose(t, dir, Options{})
	if err := os.Remove(filepath.Join(dir, "gone")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(&s.Entries[1]); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open a file that is gone: %v", err)
	}
	f, err := s.Open(&s.Entries[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	write(t, dir, map[string]string{"a.log": "1234567890"})
	if b, err := io.ReadAll(f); err != nil || string(b) != "12345" || f.Size != 5 {
		t.Errorf("read %q, size %d, %v", b, f.Size, err)
	}
}

func TestLargest(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{
		"web/node_modules/x/big": strings.Repeat("x", 950), "web/node_modules/y": "yyyyy", "web/main": "z", "data": strings.Repeat("d", 300), "small": "s", "empty": "",
	})
	want := []Part{{"web/node_modules/x/big", 950}, {"data", 300}}
	if diff := cmp.Diff(want, choose(t, dir, Options{}).Largest(2)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := choose(t, t.TempDir(), Options{}).Largest(2); len(got) != 0 {
		t.Errorf("of an empty folder: %v", got)
	}
}

// TestLargeFolder: the entries of a folder that several goroutines look at are all there, in order.
func TestLargeFolder(t *testing.T) {
	t.Parallel()
	want := map[string]string{}
	for i := range 3*lstatBatch + 1 {
		want[fmt.Sprintf("f%04d", i)] = strings.Repeat("x", i)
	}
	for _, n := range []int{0, 1, lstatBatch - 1, lstatBatch, lstatBatch + 1, 2 * lstatBatch, 3*lstatBatch + 1} {
		files := map[string]string{}
		for i := range n {
			name := fmt.Sprintf("f%04d", i)
			files[name] = want[name]
		}
		s := choose(t, tree(t, files), Options{})
		if len(s.Entries) != n || s.Files != n {
			t.Fatalf("%d entries, want %d", len(s.Entries), n)
		}
		for i, e := range s.Entries {
			if e.Path != fmt.Sprintf("f%04d", i) || e.Size != int64(i) {
				t.Errorf("entry %d is %s with %d bytes", i, e.Path, e.Size)
			}
		}
	}
}
