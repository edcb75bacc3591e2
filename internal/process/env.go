package process

import (
	"maps"
	"os"
	"os/user"
	"runtime"
	"slices"
	"strings"
)

// Host is what commands learn of the machine. It is all of the agent's own
// environment that they get.
type Host struct {
	Path string // PATH
	// Home is HOME: that of the user whom the agent runs as, so that tool
	// caches (GOCACHE, ~/.cargo, ~/.npm) are found and kept between jobs.
	Home string
	User string
	Lang string
	// Extra are variables without which programs don't run: on Windows
	// SystemRoot, ComSpec, PATHEXT and the like.
	Extra map[string]string
}

// CurrentHost describes this machine and user. getenv is os.Getenv.
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

// Env says what a job's commands find in their environment.
type Env struct {
	Host Host
	// Temp is TMPDIR (TMP and TEMP on Windows): a directory of the attempt.
	Temp string
	// Own are the variables that say which job this is: ERRAND_JOB_ID and so on.
	Own map[string]string
	// Job are those that the job's creator set. They win over all but Own.
	Job map[string]string
}

// Build returns the environment, sorted.
func (e Env) Build() []string {
	all := map[string]string{"CI": "true", "LANG": e.Host.Lang, "PATH": e.Host.Path}
	for _, name := range tempVariables {
		all[name] = e.Temp
	}
	for _, name := range homeVariables {
		all[name] = e.Host.Home
	}
	for _, name := range userVariables {
		all[name] = e.Host.User
	}
	for _, over := range []map[string]string{e.Host.Extra, e.Job, e.Own} {
		for k, v := range over {
			set(all, k, v)
		}
	}
	env := make([]string, 0, len(all))
	for _, k := range slices.Sorted(maps.Keys(all)) {
		if all[k] != "" || hasKey(e.Job, k) {
			env = append(env, k+"="+all[k])
		}
	}
	return env
}

// set sets a variable, replacing the one whose name means the same here.
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
