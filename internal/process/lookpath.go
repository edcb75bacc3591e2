package process

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// lookPath finds a program as a shell in dir would, with the PATH in env rather
// than the agent's.
func lookPath(name, dir string, env []string) (string, error) {
	if strings.ContainsRune(name, '/') || strings.ContainsRune(name, os.PathSeparator) {
		return executable(name, dir)
	}
	for _, d := range filepath.SplitList(lookEnv(env, "PATH")) {
		if d == "" {
			d = "."
		}
		if found, err := executable(filepath.Join(d, name), dir); err == nil {
			return found, nil
		}
	}
	return "", errNotInPath
}

var errNotInPath = errors.New("not found in PATH")

// executable returns the absolute path of the program at path, which is relative
// to dir.
func executable(path, dir string) (string, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	found, err := exec.LookPath(path)
	var ee *exec.Error
	if errors.As(err, &ee) {
		err = ee.Err
	}
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, exec.ErrNotFound) {
		return "", errors.New("no such file")
	}
	return found, err
}

// lookEnv returns the value of the last variable of that name.
func lookEnv(env []string, name string) string {
	for i := len(env) - 1; i >= 0; i-- {
		if k, v, ok := strings.Cut(env[i], "="); ok && sameName(k, name) {
			return v
		}
	}
	return ""
}
