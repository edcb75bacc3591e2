package process

import (
	"maps"
	"os"
	"os/user"
	"runtime"
	"slices"
	"strings"

	"github.com/errandhq/errand"
)

// Host describes the machine to commands. They get nothing else of the agent's
// own environment.
type Host struct {
	Path string // PATH
	// Home is HOME: that of the agent's user, so that tools keep their caches
	// (GOCACHE, ~/.cargo, ~/.npm) between jobs.
	Home string
	User string
	Lang string
	// Extra are other variables that programs need, such as SystemRoot, ComSpec
	// and PATHEXT on Windows.
	Extra map[string]string
}

// CurrentHost describes this machine and the current user. getenv is os.Getenv.
func CurrentHost(getenv func(string) string) Host {
	h := Host{Path: getenv("PATH"), Lang: getenv("LANG"), User: getenv("USER"), Extra: map[string]string{}}
	h.Home, _ = os.UserHomeDir()
	if u, err := user.Current(); err == nil {
		h.User = u.Username
		if h.Home == "" {
			h.Home = u.HomeDir
		}
	}
	if h.Path == "" {
		h.Path = defaultPath
	}
	if h.Lang == "" {
		h.Lang = "C.UTF-8"
	}
	for _, name := range neededVariables {
		if v := getenv(name); v != "" {
			h.Extra[name] = v
		}
	}
	return h
}

// WithHome returns h with dir as the user's home directory.
func (h Host) WithHome(dir string) Host {
	h.Home, h.Extra = dir, maps.Clone(h.Extra)
	if h.Extra == nil {
		h.Extra = map[string]string{}
	}
	maps.Copy(h.Extra, foldersBelowHome(dir))
	return h
}

// Env is the environment of a job's commands.
type Env struct {
	Host Host
	// Temp is TMPDIR (TMP and TEMP on Windows).
	Temp string
	// GitCeiling are directories in and above which git looks for no repository.
	GitCeiling []string
	// TraceParent is the span that the commands are part of; empty: none.
	TraceParent string
	// Agent are the variables that the agent's owner sets. They override those above.
	Agent map[string]string
	// Terminal says that the commands run under a pseudo-terminal.
	Terminal bool
	// Own are the variables that identify the job, such as ERRAND_JOB_ID.
	Own map[string]string
	// Job are the variables that the job sets. They override all but Own.
	Job map[string]string
}

// unattended tells programs that their output is followed and nobody answers.
var unattended = map[string]string{"CI": "true", "GIT_TERMINAL_PROMPT": "0", "PYTHONUNBUFFERED": "1"}

// onTerminal replaces unattended on a terminal: programs that look for CI turn off
// colours and progress bars. Pagers would wait for a key.
var onTerminal = map[string]string{
	"TERM": "xterm-256color", "PAGER": "cat", "GIT_PAGER": "cat", "GIT_TERMINAL_PROMPT": "0", "PYTHONUNBUFFERED": "1",
}

// Build returns the environment as sorted NAME=value strings.
func (e Env) Build() []string {
	all := maps.Clone(unattended)
	if e.Terminal {
		all = maps.Clone(onTerminal)
	}
	all["LANG"], all["PATH"] = e.Host.Lang, e.Host.Path
	all["GIT_CEILING_DIRECTORIES"] = strings.Join(e.GitCeiling, string(os.PathListSeparator))
	all[errand.EnvTraceParent] = e.TraceParent
	for _, name := range tempVariables {
		all[name] = e.Temp
	}
	for _, name := range homeVariables {
		all[name] = e.Host.Home
	}
	for _, name := range userVariables {
		all[name] = e.Host.User
	}
	for _, over := range []map[string]string{e.Host.Extra, e.Agent, e.Job, e.Own} {
		for k, v := range over {
			set(all, k, v)
		}
	}
	env := make([]string, 0, len(all))
	for _, k := range slices.Sorted(maps.Keys(all)) {
		if all[k] != "" || hasKey(e.Job, k) || hasKey(e.Agent, k) {
			env = append(env, k+"="+all[k])
		}
	}
	return env
}

// set sets a variable. On Windows, names are case-insensitive.
func set(all map[string]string, name, value string) {
	if runtime.GOOS == "windows" {
		maps.DeleteFunc(all, func(k, _ string) bool { return strings.EqualFold(k, name) })
	}
	all[name] = value
}

func hasKey(m map[string]string, k string) bool {
	_, ok := m[k]
	return ok
}
