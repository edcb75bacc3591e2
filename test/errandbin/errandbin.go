// Package errandbin builds the programs for the tests that run them.
package errandbin

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Build builds errand into dir and returns its path.
func Build(dir string) (path string, err error) {
	path = filepath.Join(dir, "errand")
	return path, BuildPackage(path, "./cmd/errand")
}

// BuildPackage builds the program in pkg, a directory of the repository such as
// ./cmd/errand, as `make build` does. env is added to the environment.
func BuildPackage(path, pkg string, env ...string) error {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return fmt.Errorf("find the repository: %w", err)
	}
	build := exec.Command("scripts/build", path, pkg)
	build.Dir = strings.TrimSpace(string(root))
	build.Env = append(os.Environ(), env...)
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", pkg, err, out)
	}
	return nil
}
