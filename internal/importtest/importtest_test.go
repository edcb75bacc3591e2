// Package importtest holds the direction of imports between the packages.
package importtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/errandhq/errand"

// docFile has the rules: the table below "## Packages".
const docFile = "../../docs/architecture.md"

type pkg struct {
	ImportPath string
	Imports    []string
	Standard   bool
}

// A rule says what a package, or a tree of them, may import. Paths are below the
// module, "" is its root, and a trailing /... covers a tree.
type rule struct {
	tree       string
	module     []string
	outside    []string // prefixes of other modules' packages
	anyOutside bool
}

func TestImportsFollowTheArchitecture(t *testing.T) {
	rules := readRules(t)
	packages := list(t)
	used := map[string]bool{}
	for _, p := range packages {
		r := ruleFor(rules, below(p.ImportPath))
		if r == nil {
			if !unruled(below(p.ImportPath)) {
				t.Errorf("%s stands in no row of the table in docs/architecture.md", p.ImportPath)
			}
			continue
		}
		used[r.tree] = true
		for _, imp := range p.Imports {
			if !r.allows(imp) {
				t.Errorf("%s imports %s, which its row in docs/architecture.md does not list", p.ImportPath, imp)
			}
		}
	}
	for _, r := range rules {
		if !used[r.tree] {
			t.Errorf("docs/architecture.md has a row for %q, where no package is", r.tree)
		}
	}
}

// TestSingleImporter holds the packages that must be reached through one place.
func TestSingleImporter(t *testing.T) {
	only := map[string][]string{
		"github.com/awslabs/aws-lambda-go-api-proxy": {"internal/lambdahttp"},
		"github.com/cockroachdb/pebble":              {"localstack/...", "internal/durable/durabletest"},
		module + "/localstack":                       {"localstack/...", "internal/cli", "internal/stackcli"},
		"github.com/testcontainers":                  {},
		"github.com/moby":                            {},
	}
	for _, p := range list(t) {
		path := below(p.ImportPath)
		if unruled(path) {
			continue
		}
		for _, imp := range p.Imports {
			for prefix, trees := range only {
				if hasPathPrefix(imp, prefix) && !slices.ContainsFunc(trees, func(tree string) bool { return covers(tree, path) }) {
					t.Errorf("%s imports %s: only %q may", p.ImportPath, imp, trees)
				}
			}
		}
	}
}

// unruled reports whether a package may import anything: tests, benchmarks and
// examples.
func unruled(path string) bool {
	for _, tree := range []string{"test/...", "bench/...", "examples/...", "internal/importtest"} {
		if covers(tree, path) {
			return true
		}
	}
	return false
}

var quoted = regexp.MustCompile("`([^`]+)`")

// readRules reads the table of packages. Its columns are: package, what it is,
// imports of this module, other modules.
func readRules(t *testing.T) []rule {
	t.Helper()
	doc, err := os.ReadFile(docFile)
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(doc), "\n## Packages\n")
	if !ok {
		t.Fatalf("%s has no section Packages", docFile)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var rules []rule
	for line := range strings.Lines(section) {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 4 {
			t.Fatalf("%s: not four cells: %s", docFile, line)
		}
		r := rule{tree: paths(cells[0])[0], module: paths(cells[2]), outside: names(cells[3]), anyOutside: strings.TrimSpace(cells[3]) == "any"}
		for _, cell := range cells[2:] {
			if text := strings.TrimSpace(cell); len(names(cell)) == 0 && text != "none" && text != "any" {
				t.Fatalf("%s: neither names, none nor any: %q", docFile, text)
			}
		}
		rules = append(rules, r)
	}
	if len(rules) < 10 {
		t.Fatalf("%s has only %d rules", docFile, len(rules))
	}
	return rules
}

func names(cell string) []string {
	var found []string
	for _, m := range quoted.FindAllStringSubmatch(cell, -1) {
		found = append(found, m[1])
	}
	return found
}

// paths are names below the module, in which "errand" is the root package.
func paths(cell string) []string {
	found := names(cell)
	for i, name := range found {
		if name == "errand" {
			found[i] = ""
		}
	}
	return found
}

// ruleFor is the most specific rule that covers path, or nil.
func ruleFor(rules []rule, path string) *rule {
	var best *rule
	for i, r := range rules {
		if covers(r.tree, path) && (best == nil || len(r.tree) > len(best.tree)) {
			best = &rules[i]
		}
	}
	return best
}

func (r *rule) allows(imp string) bool {
	if hasPathPrefix(imp, module) {
		return slices.ContainsFunc(r.module, func(tree string) bool { return covers(tree, below(imp)) })
	}
	first, _, _ := strings.Cut(imp, "/")
	if standard := !strings.Contains(first, "."); standard || r.anyOutside {
		return true
	}
	return slices.ContainsFunc(r.outside, func(prefix string) bool { return strings.HasPrefix(imp, prefix) })
}

// below is an import path below the module: "" for the root package.
func below(path string) string { return strings.TrimPrefix(strings.TrimPrefix(path, module), "/") }

func hasPathPrefix(path, prefix string) bool {
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}

func covers(tree, path string) bool {
	root, all := strings.CutSuffix(tree, "/...")
	return path == root || all && strings.HasPrefix(path, root+"/")
}

// list is every package of the module by its import path, test files aside.
func list(t *testing.T) map[string]pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,Standard", module+"/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	packages := map[string]pkg{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages[p.ImportPath] = p
	}
	if len(packages) < 10 {
		t.Fatalf("go list knows only %d packages", len(packages))
	}
	return packages
}
