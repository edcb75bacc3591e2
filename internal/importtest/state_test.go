package importtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOnlyStoresLoadStates: a state is changed by its own methods. LoadState, which
// could make any state, is for the store alone.
func TestOnlyStoresLoadStates(t *testing.T) {
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && path != root) { // what go build leaves out, too
			return fs.SkipDir
		}
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		if rel, _ := filepath.Rel(root, path); err == nil && strings.Contains(string(b), "errand.LoadState(") && filepath.Dir(rel) != filepath.Join("internal", "dynamo") {
			t.Errorf("%s loads a state", rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
