package project

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
)

// sharedRules reads the patterns that hold in a whole work tree, with the precedence
// that git gives them: core.excludesFile, then .git/info/exclude.
func sharedRules(top string) (rules, error) {
	gitDir, common := gitDirs(top)
	var rs rules
	for _, name := range []string{excludesFile(gitDir, common), filepath.Join(common, "info", "exclude")} {
		text, err := readIgnoreFile(name, os.Stat)
		if err != nil {
			return nil, err
		}
		rs = append(rs, parseRules(text, "")...)
	}
	return rs, nil
}

// gitDirs returns the folder of a work tree's own data, and the one that it shares
// with other work trees of its repository.
//
// https://git-scm.com/docs/gitrepository-layout
func gitDirs(top string) (gitDir, common string) {
	gitDir = filepath.Join(top, ".git")
	if text, err := os.ReadFile(gitDir); err == nil { // of a submodule, or another work tree
		to := strings.TrimSpace(strings.TrimPrefix(string(text), "gitdir:"))
		gitDir = absolute(top, to)
	}
	if text, err := os.ReadFile(filepath.Join(gitDir, "commondir")); err == nil {
		return gitDir, absolute(gitDir, strings.TrimSpace(string(text)))
	}
	return gitDir, gitDir
}

func absolute(from, to string) string {
	if filepath.IsAbs(to) {
		return to
	}
	return filepath.Join(from, filepath.FromSlash(to))
}

// excludesFile returns the value of core.excludesFile. The last of git's files that
// sets it counts.
func excludesFile(gitDir, common string) string {
	home, _ := os.UserHomeDir() // without one, its files are not found
	xdg := filepath.Join(cmp.Or(os.Getenv("XDG_CONFIG_HOME"), filepath.Join(home, ".config")), "git")
	files := []string{filepath.Join(xdg, "config"), filepath.Join(home, ".gitconfig")}
	if global, ok := os.LookupEnv("GIT_CONFIG_GLOBAL"); ok {
		files = []string{global}
	}
	if os.Getenv("GIT_CONFIG_NOSYSTEM") == "" {
		files = append([]string{"/etc/gitconfig"}, files...)
	}
	name := filepath.Join(xdg, "ignore")
	for _, file := range append(files, filepath.Join(common, "config"), filepath.Join(gitDir, "config.worktree")) {
		text, err := readIgnoreFile(file, os.Stat)
		if value, ok := configValue(string(text), "core", "excludesfile"); err == nil && ok {
			name = expandHome(value, home)
		}
	}
	return name
}

func expandHome(name, home string) string {
	if below, ok := strings.CutPrefix(name, "~/"); ok {
		return filepath.Join(home, below)
	}
	return name
}

// configValue returns the last value of a variable in a git config file. It reads what
// git config writes; includes are not followed.
func configValue(text, section, key string) (value string, ok bool) {
	in := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if name, isSection := strings.CutPrefix(line, "["); isSection {
			name, _, _ = strings.Cut(name, "]")
			in = strings.EqualFold(name, section)
			continue
		}
		name, v, _ := strings.Cut(line, "=")
		if in && strings.EqualFold(strings.TrimSpace(name), key) {
			value, ok = unquoteConfig(strings.TrimSpace(v)), true
		}
	}
	return value, ok
}

func unquoteConfig(v string) string {
	if len(v) >= 2 && v[0] == '"' && v[len(v)-1] == '"' {
		v = v[1 : len(v)-1]
	}
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(v)
}
