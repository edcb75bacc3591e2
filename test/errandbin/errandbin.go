// Package errandbin builds the programs for the tests that run them.
package errandbin

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
)

// Build builds errand into dir and returns its path. Packages whose tests run at
// the same time share one build in .cache, since each would take seconds.
//
// ERRAND_BIN is one that was built before, for machines without Go.
func Build(dir string) (path string, err error) {
	path = filepath.Join(dir, "errand")
	if built := os.Getenv("ERRAND_BIN"); built != "" {
		return path, copyProgram(path, built)
	}
	root, err := repository()
	if err != nil {
		return "", err
	}
	shared := filepath.Join(root, ".cache", "test", "errand")
	if err := os.MkdirAll(filepath.Dir(shared), 0o755); err != nil {
		return "", err
	}
	lock := flock.New(shared + ".lock")
	if err := lock.Lock(); err != nil {
		return "", err
	}
	defer func() { _ = lock.Close() }()
	if err := BuildPackage(shared, "./cmd/errand"); err != nil {
		return "", err
	}
	return path, copyProgram(path, shared)
}

func copyProgram(to, from string) error {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, r); err != nil {
		w.Close()
		return err
	}
	return w.Close()
}

// BuildPackage builds the program in pkg, a directory of the repository such as
// ./cmd/errand, as `make build` does. env is added to the environment.
func BuildPackage(path, pkg string, env ...string) error {
	root, err := repository()
	if err != nil {
		return err
	}
	build := exec.Command("scripts/build", path, pkg)
	build.Dir = root
	build.Env = append(os.Environ(), env...)
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", pkg, err, out)
	}
	return nil
}

func repository() (string, error) {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("find the repository: %w", err)
	}
	return strings.TrimSpace(string(root)), nil
}
