// Package errandbin builds the program for the tests that run it.
package errandbin

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Build builds the program into dir and returns its path. The flags are those of
// `make build`, so that what that compiled isn't compiled again.
func Build(dir string) (path string, err error) {
	path = filepath.Join(dir, "errand")
	build := exec.Command("go", "build", "-trimpath", "-tags", "lambda.norpc", "-o", path, "github.com/errandhq/errand/cmd/errand")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build errand: %w\n%s", err, out)
	}
	return path, nil
}
