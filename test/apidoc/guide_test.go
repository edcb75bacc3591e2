package apidoc

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestGuide holds docs/implementation.md to the code: the tests that it names
// are there, and all settings of the functions are in it.
func TestGuide(t *testing.T) {
	root := filepath.Join("..", "..")
	b, err := os.ReadFile(filepath.Join(root, "docs", "implementation.md"))
	if err != nil {
		t.Fatal(err)
	}
	guide, tests := string(b), testsIn(t, root)
	for _, name := range regexp.MustCompile(`\bTest[A-Z]\w+`).FindAllString(guide, -1) {
		if !strings.Contains(tests, "\nfunc "+name) {
			t.Errorf("there is no test %s", name)
		}
	}
	b, err = os.ReadFile(filepath.Join(root, "internal", "setup", "settings.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile(`ERRAND_[A-Z_]+`).FindAllString(string(b), -1) {
		if !strings.Contains(guide, "`"+name+"`") {
			t.Errorf("the guide doesn't tell of %s", name)
		}
	}
}

// testsIn is the text of all tests below dir.
func testsIn(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && (d.Name() == "node_modules" || d.Name() == ".cache") {
			return fs.SkipDir
		}
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		all.WriteString("\n")
		all.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
