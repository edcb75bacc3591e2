// Package importtest holds the direction of imports between the packages.
package importtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/errandhq/errand"

type pkg struct {
	ImportPath string
	Imports    []string
	Standard   bool
}

// rules say what a package, or a tree of them, may import: of the module by
// path below it ("" is the root), of others by prefix.
var rules = []struct {
	tree    string   // path below the module; a trailing /... covers the tree
	module  []string // packages or trees of the module that it may import
	outside []string // prefixes of other modules' packages; nil: any, empty: none
}{
	{tree: "", module: nil, outside: []string{}},
	{tree: "internal/control", module: []string{"", "internal/clock"}, outside: []string{}},
	{tree: "internal/control/controltest", module: []string{"", "internal/control"}, outside: []string{"github.com/google/go-cmp/", "github.com/oklog/ulid/"}},
	{tree: "internal/api", module: []string{"", "internal/control"}, outside: []string{"github.com/go-json-experiment/json"}},
	{tree: "internal/dynamo", module: []string{"", "internal/backoff", "internal/clock", "internal/control"}, outside: []string{"github.com/aws/", "github.com/oklog/ulid/"}},
	{tree: "internal/queue", module: []string{"", "internal/control"}, outside: []string{"github.com/aws/"}},
	{tree: "internal/blob", module: []string{"", "internal/control"}, outside: []string{"github.com/aws/"}},
	{tree: "internal/invoke", module: []string{"", "internal/control"}, outside: []string{"github.com/aws/"}},
	{tree: "internal/awsconf", module: nil, outside: []string{"github.com/aws/"}},
	{tree: "internal/archive", module: nil},
	{tree: "internal/process", module: []string{"", "internal/clock"}},
	{tree: "internal/source", module: []string{"", "internal/archive"}, outside: []string{}},
	{tree: "internal/direct", module: []string{"", "internal/archive", "internal/backoff", "internal/clock", "internal/process", "internal/source"}, outside: []string{}},
	{tree: "internal/lambdahttp", module: nil, outside: []string{"github.com/aws/", "github.com/awslabs/"}},
	{tree: "internal/setup", module: []string{"", "internal/..."}},
	{tree: "functions/...", module: []string{"internal/setup", "internal/api", "internal/direct"}, outside: []string{}},
	{tree: "agent/...", module: []string{"", "agent/...", "internal/api", "internal/archive", "internal/backoff", "internal/clock", "internal/durable", "internal/process", "internal/source"}, outside: []string{"github.com/gofrs/flock", "golang.org/x/"}},
	{tree: "localstack/...", module: []string{"localstack/...", "internal/backoff", "internal/clock", "internal/durable"}},
	{tree: "internal/terminal", module: nil},
	{tree: "internal/stackcli", module: []string{"internal/terminal", "localstack"}},
	{tree: "internal/backoff", module: nil, outside: []string{}},
	{tree: "internal/clock", module: nil, outside: []string{}},
	{tree: "internal/durable", module: nil, outside: []string{}},
	{tree: "internal/version", module: nil, outside: []string{}},
	{tree: "web", module: nil, outside: []string{}},
}

func TestImportsPointInward(t *testing.T) {
	packages := list(t)
	for _, p := range packages {
		path := below(p.ImportPath)
		for _, r := range rules {
			if !covers(r.tree, path) {
				continue
			}
			for _, imp := range p.Imports {
				if ok, why := allowed(r.module, r.outside, imp, packages); !ok {
					t.Errorf("%s imports %s: %s", p.ImportPath, imp, why)
				}
			}
		}
	}
}

// TestOneImporter: packages that must be reached through one place.
func TestOneImporter(t *testing.T) {
	only := map[string][]string{
		"github.com/awslabs/aws-lambda-go-api-proxy": {"internal/lambdahttp"},
		"github.com/cockroachdb/pebble":              {"localstack/...", "internal/durable/durabletest"},
		module + "/localstack":                       {"internal/cli", "internal/stackcli"},
		"github.com/testcontainers":                  {"test/..."},
		"github.com/moby":                            {"test/..."},
	}
	for _, p := range list(t) {
		for _, imp := range p.Imports {
			for prefix, trees := range only {
				inside := covers("localstack/...", below(p.ImportPath)) || strings.HasPrefix(below(p.ImportPath), "test")
				if (imp == prefix || strings.HasPrefix(imp, prefix+"/")) && !inside &&
					!slices.ContainsFunc(trees, func(tree string) bool { return covers(tree, below(p.ImportPath)) }) {
					t.Errorf("%s imports %s: only %s may", p.ImportPath, imp, trees)
				}
			}
		}
	}
}

func allowed(mod, outside []string, imp string, packages map[string]pkg) (bool, string) {
	if p, ok := packages[imp]; ok && !p.Standard {
		for _, m := range mod {
			if covers(m, below(imp)) {
				return true, ""
			}
		}
		return false, "not a package of this module that it may use"
	}
	first, _, _ := strings.Cut(imp, "/")
	if !strings.Contains(first, ".") || outside == nil {
		return true, ""
	}
	for _, prefix := range outside {
		if strings.HasPrefix(imp, prefix) {
			return true, ""
		}
	}
	return false, "not one of the other modules that it may use"
}

// below is an import path below the module: "" for the root package.
func below(path string) string { return strings.TrimPrefix(strings.TrimPrefix(path, module), "/") }

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
