package project

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// errNoGit: git is not installed, or the folder is in no work tree.
var errNoGit = errors.New("no git work tree")

// GitError is what git says when it fails.
type GitError struct {
	Text   string // its first line
	Advice string // what it says to do; or ""
}

func (e *GitError) Error() string { return "git: " + e.Text }

// listFiles returns the files of a folder and those below it that git tracks, or does
// not ignore, each with a NUL at its end.
func listFiles(ctx context.Context, dir string) ([]byte, error) {
	return runGit(ctx, dir, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
}

// runGit runs git so that it changes nothing and starts no program that the
// repository's own settings name.
func runGit(ctx context.Context, dir string, args ...string) ([]byte, error) {
	config := []string{
		"-c", "core.fsmonitor=false", "-c", "core.hooksPath=" + os.DevNull, "-c", "protocol.allow=never",
		"-c", "core.precomposeUnicode=false",
	}
	cmd := exec.CommandContext(ctx, "git", append(config, args...)...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = dir, gitEnv(os.Environ()), time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() < 0 { // Ctrl-C reaches git, too, and may do so first
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	switch {
	case err == nil:
		return out, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, exec.ErrDot):
		return nil, errNoGit
	}
	return nil, gitError(stderr.String(), err)
}

// gitError reads git's message: its text, an empty line, and its advice.
func gitError(said string, err error) error {
	said = strings.ReplaceAll(said, "\r", "")
	text, advice, _ := strings.Cut(strings.TrimSpace(said), "\n\n")
	if strings.Contains(text, "not a git repository") || strings.Contains(text, "must be run in a work tree") {
		return errNoGit
	}
	if text == "" {
		return fmt.Errorf("git: %w", err)
	}
	text, more, _ := strings.Cut(text, "\n")
	return &GitError{Text: strings.TrimPrefix(text, "fatal: "), Advice: gitAdvice(more + "\n" + advice)}
}

// gitAdvice returns the command that git advises.
func gitAdvice(said string) string {
	for line := range strings.Lines(said) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "git ") {
			return line
		}
	}
	return ""
}

// gitEnv returns environ without the variables that make git describe another
// repository than that of its folder, as they are set in hooks.
func gitEnv(environ []string) []string {
	other := []string{
		"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY",
		"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE", "GIT_LITERAL_PATHSPECS",
	}
	env := slices.DeleteFunc(slices.Clone(environ), func(s string) bool {
		name, _, _ := strings.Cut(s, "=")
		return slices.Contains(other, name)
	})
	return append(env, "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_NO_LAZY_FETCH=1", "LC_ALL=C")
}
