// Package docker lets tests use the machine's container engine by its own
// command. Where there is none, they are skipped and say so; with
// ERRAND_REQUIRE_DOCKER=1, as in CI, they fail.
package docker

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// StackImage is what `make stack-image` builds.
const StackImage = "errand-stack:checkout"

// Require skips the test where no engine answers.
func Require(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "docker", "info", "--format", "{{.ServerVersion}}").CombinedOutput()
	switch {
	case err == nil:
	case os.Getenv("ERRAND_REQUIRE_DOCKER") != "":
		t.Fatalf("no container engine answers: %v: %s", err, out)
	default:
		t.Skipf("skipped: no container engine answers (docker info: %v)", err)
	}
}

// Run runs docker and returns what it printed on stdout.
func Run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := Try(args...)
	if err != nil {
		t.Fatalf("docker %s: %v", strings.Join(args, " "), err)
	}
	return out
}

// Try is Run, where failing is fine. It outlasts the test's context: cleaning
// up is done by it.
func Try(args ...string) (string, error) {
	var stderr strings.Builder
	cmd := exec.Command("docker", args...)
	cmd.Env = append(os.Environ(), "DOCKER_BUILDKIT=0")
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", &Error{err, stderr.String()}
	}
	return strings.TrimSpace(string(out)), nil
}

// Error is why docker failed.
type Error struct {
	Err    error
	Stderr string
}

func (e *Error) Error() string { return e.Err.Error() + ": " + strings.TrimSpace(e.Stderr) }

// Unwrap gives the exit status.
func (e *Error) Unwrap() error { return e.Err }
