package cli

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/errandhq/errand"
)

// gitTimeout limits how long a job waits for git: in a huge work tree it takes
// longer than packing.
const gitTimeout = 10 * time.Second

// findGitFacts returns variables that describe the git work tree of dir: the
// archive has no .git. It returns none if dir is in no work tree or has no commit,
// and if git is missing or fails.
func findGitFacts(ctx context.Context, dir string) map[string]string {
	ctx, cancel := context.WithTimeout(ctx, gitTimeout)
	defer cancel()
	g := git{dir: dir, env: gitEnv(os.Environ())}
	if !g.disableFilters(ctx) {
		return nil
	}
	// Submodules are compared by commit only: git would run another git in each,
	// with the settings of its repository.
	status, err := g.run(ctx, "status", "--porcelain=v2", "--branch", "-z", "--no-renames", "--ignore-submodules=dirty", "--untracked-files=normal", "--", ".")
	if err != nil {
		return nil
	}
	return parseGitStatus(status)
}

// addGitFacts adds facts to the job's variables, which override them.
func addGitFacts(env, facts map[string]string) map[string]string {
	if len(facts) == 0 || len(env)+len(facts) > errand.MaxEnv {
		return env
	}
	all := maps.Clone(facts)
	maps.Copy(all, env)
	return all
}

// git runs git so that it changes nothing and starts no program that the
// repository's own settings name.
type git struct {
	dir    string
	env    []string
	config []string // arguments
}

func (g *git) run(ctx context.Context, args ...string) ([]byte, error) {
	config := append([]string{"-c", "core.fsmonitor=false", "-c", "core.hooksPath=" + os.DevNull}, g.config...)
	cmd := exec.CommandContext(ctx, "git", append(config, args...)...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = g.dir, g.env, time.Second
	return cmd.Output()
}

// disableFilters disables the filters that the repository's own settings define:
// git status runs them to compare files. Those of the user's settings, such as
// Git LFS's, stay. It returns false if that fails.
func (g *git) disableFilters(ctx context.Context) bool {
	out, err := g.run(ctx, "config", "--show-scope", "--name-only", "-z", "--get-regexp", `^filter\..*\.(clean|process|smudge)$`)
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) { // 1: there are none
		return false
	}
	fields := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	for pair := range slices.Chunk(fields, 2) {
		if len(pair) < 2 || pair[0] != "local" && pair[0] != "worktree" {
			continue
		}
		if strings.Contains(pair[1], "=") {
			return false // -c can't name it
		}
		g.config = append(g.config, "-c", pair[1]+"=")
	}
	return true
}

// gitEnv returns environ without the variables that make git describe another
// repository than that of its directory, as they are set in hooks.
func gitEnv(environ []string) []string {
	other := []string{
		"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY",
		"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE",
	}
	env := slices.DeleteFunc(slices.Clone(environ), func(s string) bool {
		name, _, _ := strings.Cut(s, "=")
		return slices.Contains(other, name)
	})
	return append(env, "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_NO_LAZY_FETCH=1", "LC_ALL=C")
}

// parseGitStatus reads https://git-scm.com/docs/git-status#_porcelain_format_version_2
func parseGitStatus(status []byte) map[string]string {
	var commit, branch string
	dirty := false
	for line := range bytes.SplitSeq(status, []byte{0}) {
		switch key, value, _ := strings.Cut(strings.TrimPrefix(string(line), "# branch."), " "); {
		case len(line) == 0:
		case line[0] != '#':
			dirty = true
		case key == "oid" && value != "(initial)":
			commit = value
		case key == "head" && value != "(detached)" && utf8.ValidString(value):
			branch = value
		}
	}
	if commit == "" {
		return nil
	}
	facts := map[string]string{errand.EnvGitCommit: commit, errand.EnvGitDirty: strconv.FormatBool(dirty)}
	if branch != "" {
		facts[errand.EnvGitBranch] = branch
	}
	return facts
}
