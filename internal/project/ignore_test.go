package project

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each pattern file, and what it leaves out of the paths below.
var ignoreCases = []struct{ patterns, ignored string }{
	{"*.o", "a.o sub/a.o sub/deep/a.o"},
	{"/a.o", "a.o"},
	{"sub/a.o", "sub/a.o"},
	{"**/a.o", "a.o sub/a.o sub/deep/a.o"},
	{"sub/**", "sub/a.o sub/deep/ sub/deep/a.o sub/x"},
	{"sub/**/a.o", "sub/a.o sub/deep/a.o"},
	{"deep/", "sub/deep/ sub/deep/a.o"},
	{"x/", "x/ x/y"},
	{"/*\n!/sub/", "a.o #hash !bang sp x/ x/y [b] a-c"},
	{"*.o\n!sub/a.o", "a.o sub/deep/a.o"},
	{"sub/\n!sub/a.o", "sub/ sub/a.o sub/deep/ sub/deep/a.o sub/x"},
	{"# comment\n\n#hash", ""},
	{`\#hash`, "#hash"},
	{`\!bang`, "!bang"},
	{"sp   ", "sp"},
	{`sp\ `, ""},
	{"[b]", ""},
	{`\[b\]`, "[b]"},
	{"[!s-z]p", ""},
	{"[!a-r]p", "sp"},
	{"[[:alpha:]]p", "sp"},
	{"s?", "sp"},
	{"a[-]c", "a-c"},
	{"su*/x", "sub/x"},
	{"*/a.o", "sub/a.o"},
	{"a**o", "a.o sub/a.o sub/deep/a.o"},
	{"[unclosed", ""},
	{"a.o\r\nsp", "a.o sub/a.o sub/deep/a.o sp"},
	{"/", ""},
	{"sub/de**ep/a.o", "sub/deep/a.o"},
}

var ignorePaths = strings.Fields("a.o #hash !bang sp [b] a-c sub/ sub/a.o sub/x sub/deep/ sub/deep/a.o x/ x/y")

func TestIgnorePatterns(t *testing.T) {
	t.Parallel()
	for _, tt := range ignoreCases {
		t.Run(tt.patterns, func(t *testing.T) {
			rs := parseRules([]byte(tt.patterns), "")
			var got []string
			for _, p := range ignorePaths {
				if ignoredWithParents(rs, p) {
					got = append(got, p)
				}
			}
			want := map[string]bool{}
			for p := range strings.FieldsSeq(tt.ignored) {
				want[p] = true
			}
			var sorted []string
			for _, p := range ignorePaths {
				if want[p] {
					sorted = append(sorted, p)
				}
			}
			if diff := cmp.Diff(sorted, got); diff != "" {
				t.Errorf("ignored (-want +got):\n%s", diff)
			}
		})
	}
}

// ignoredWithParents asks for a path and each directory above it, as a walk does.
func ignoredWithParents(rs rules, p string) bool {
	for i := range p {
		if p[i] == '/' && rs.ignored(p[:i], true) {
			return true
		}
	}
	return !strings.HasSuffix(p, "/") && rs.ignored(p, false)
}

// TestIgnoreAsGit asks git the same questions.
func TestIgnoreAsGit(t *testing.T) {
	t.Parallel()
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip("there is no git on this machine")
	}
	files := map[string]string{}
	for _, p := range ignorePaths {
		files[p] = ""
	}
	dir := tree(t, files)
	run := func(stdin string, args ...string) string {
		cmd := exec.Command(git, args...)
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
		out, err := cmd.Output()
		var exit *exec.ExitError
		if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
			t.Fatalf("git %v: %v", args, err)
		}
		return string(out)
	}
	run("", "init", "-q")
	for _, tt := range ignoreCases {
		if err := os.WriteFile(filepath.Join(dir, ".gitignore"), []byte(tt.patterns), 0o644); err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		for _, p := range ignorePaths {
			if ignoredWithParents(parseRules([]byte(tt.patterns), ""), p) {
				got.WriteString(strings.TrimSuffix(p, "/") + "\x00")
			}
		}
		// With its slash git would match a directory's path as text.
		asked := strings.ReplaceAll(strings.Join(ignorePaths, "\x00")+"\x00", "/\x00", "\x00")
		want := run(asked, "check-ignore", "-z", "--no-index", "--stdin")
		if diff := cmp.Diff(want, got.String()); diff != "" {
			t.Errorf("%q: ignored (-git +ours):\n%s", tt.patterns, diff)
		}
	}
}
