package web

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// inputs are what the page is built of: the list in source-hash.ts.
var inputs = []string{"index.html", "package-lock.json", "public", "source-hash.ts", "src", "tsconfig.json", "vite.config.ts"}

// The committed build says which source it is of: see source-hash.ts.
func TestBuildIsOfThisSource(t *testing.T) {
	want, err := os.ReadFile("dist/source.sha256")
	if err != nil {
		t.Fatal(err)
	}
	if got := sourceHash(t); got != strings.TrimSpace(string(want)) {
		t.Error("web/dist is older than its source: run `npm ci && npm run build` in web and commit dist")
	}
}

func TestListOfInputsIsTheBuilds(t *testing.T) {
	src, err := os.ReadFile("source-hash.ts")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`inputs = \[(.*)\]`).FindStringSubmatch(string(src))
	if want := "'" + strings.Join(inputs, "', '") + "'"; line == nil || line[1] != want {
		t.Errorf("source-hash.ts has another list of inputs: %q, want %s", line, want)
	}
}

func sourceHash(t *testing.T) string {
	t.Helper()
	var names []string
	root := os.DirFS(".")
	for _, input := range inputs {
		err := fs.WalkDir(root, input, func(name string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && !strings.HasSuffix(name, ".test.ts") && !strings.HasSuffix(name, ".test.tsx") {
				names = append(names, name)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(names)
	sum := sha256.New()
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		one := sha256.Sum256([]byte(strings.ReplaceAll(string(text), "\r\n", "\n")))
		fmt.Fprintf(sum, "%s\x00%s\n", name, hex.EncodeToString(one[:]))
	}
	return hex.EncodeToString(sum.Sum(nil))
}
