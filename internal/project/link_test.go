package project

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestSelectLinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("skipped: symbolic links need a privilege on Windows")
	}
	t.Parallel()
	base := t.TempDir()
	if err := os.Symlink("x", filepath.Join(base, "l")); err != nil {
		t.Skip("no symbolic links: ", err)
	}
	write(t, base, map[string]string{
		"b/code": "of b", "b/x.o": "", "b/.gitignore": "*.o", "b/back": "-> ../app", "tool": "a tool",
		"app/packages/b": "-> ../../b", "app/bin/tool": "-> ../../tool", "app/here": "-> bin", "app/nowhere": "-> none", "app/up": "-> ..",
	})
	app := filepath.Join(base, "app")
	s := choose(t, app, Options{})
	expect(t, s, "bin/ bin/tool->../../tool here->bin nowhere->none packages/ packages/b->../../b up->..")
	if len(s.Notes) != 1 || s.Notes[0].String() != `"bin/tool" points to "../../tool", outside the folder, as do 2 other links: it is sent as a link (--follow-links sends what it points to)` {
		t.Errorf("notes: %v", s.Notes)
	}
	s = choose(t, app, Options{FollowLinks: true})
	expect(t, s, `bin/ bin/tool here/ here/tool nowhere->none
		packages/ packages/b/ packages/b/.gitignore packages/b/back->../app packages/b/code up->..`)
	var told []string
	for _, n := range s.Notes {
		told = append(told, n.String())
	}
	want := `"nowhere" points to nothing: it is sent as a link; "packages/b/back" leads back to a folder that it is in: it is sent as a link; "up" leads back to a folder that it is in: it is sent as a link`
	if got := strings.Join(told, "; "); got != want {
		t.Errorf("notes:\n%s\nwant:\n%s", got, want)
	}
	for path, want := range map[string]string{"bin/tool": "a tool", "here/tool": "a tool", "packages/b/code": "of b"} {
		if got := content(t, s, path); got != want {
			t.Errorf("%s: %q", path, got)
		}
	}
}

func content(t *testing.T, s *Selection, path string) string {
	t.Helper()
	for i := range s.Entries {
		if s.Entries[i].Path != path {
			continue
		}
		f, err := s.Open(&s.Entries[i])
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		b, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	t.Errorf("%s is not selected", path)
	return ""
}
