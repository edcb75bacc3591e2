package apidoc

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestGuide: the tests that CONTRIBUTING.md names exist, and docs/functions.md
// has all settings of the functions.
func TestGuide(t *testing.T) {
	root := filepath.Join("..", "..")
	guide, tests := read(t, root, "CONTRIBUTING.md"), testsIn(t, root)
	for _, name := range regexp.MustCompile(`\bTest[A-Z]\w+`).FindAllString(guide, -1) {
		if !strings.Contains(tests, "\nfunc "+name) {
			t.Errorf("CONTRIBUTING.md names %s, which does not exist", name)
		}
	}
	settings, page := read(t, root, "internal/setup/settings.go"), read(t, root, "docs/functions.md")
	for _, name := range regexp.MustCompile(`ERRAND_[A-Z_]+`).FindAllString(settings, -1) {
		if !strings.Contains(page, "`"+name+"`") {
			t.Errorf("docs/functions.md lacks %s", name)
		}
	}
}

// TestLinks: links from one page of the documentation to another lead somewhere.
func TestLinks(t *testing.T) {
	root := filepath.Join("..", "..")
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	records, _ := filepath.Glob(filepath.Join(root, "docs", "adr", "*.md"))
	pages = append(append(pages, records...), filepath.Join(root, "README.md"),
		filepath.Join(root, "CHANGELOG.md"), filepath.Join(root, "CONTRIBUTING.md"), filepath.Join(root, "bench", "README.md"))
	for _, page := range pages {
		for _, m := range regexp.MustCompile(`\]\(([^)#:]*)(?:#([^)]*))?\)`).FindAllStringSubmatch(read(t, page), -1) {
			target := page
			if m[1] != "" {
				target = filepath.Join(filepath.Dir(page), m[1])
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s: %v", page, m[1], err)
			} else if m[2] != "" && !slices.Contains(anchors(read(t, target)), m[2]) {
				t.Errorf("%s links to %s#%s, which is not a heading", page, m[1], m[2])
			}
		}
	}
}

// anchors are the fragments of a page's headings, as GitHub makes them.
func anchors(page string) (names []string) {
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(page, -1) {
		name := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}

func read(t *testing.T, elem ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
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
