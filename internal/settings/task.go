package settings

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/errandhq/errand"
)

// A Task is commands with settings, which errand run runs by its name.
type Task struct {
	Name        string
	Description string
	Folder      string // that is sent, below the project's; "." is all of it
	Commands    []errand.Command
	Env         map[string]string
	After       []TaskDependency
	Cache       []errand.Cache
	Settings    []Setting // in the order of the file
	Line        int
}

// A Setting is the value of a flag of errand run, from a file.
type Setting struct {
	Key    string
	Flag   string
	Values []string // more than one only of flags that can be repeated
	Where  string   // file:line:column of the value
}

// A Kind says which values a setting has.
type Kind string

// The kinds.
const (
	Text     Kind = "text"
	Number   Kind = "number"   // whole, not negative
	Duration Kind = "duration" // as the flags take it: 90, 5m, 1d
	Bool     Kind = "bool"
	List     Kind = "list" // of texts, or one
)

// A SettingKind is a setting that a task can have.
type SettingKind struct {
	Key  string
	Flag string // of errand run
	Kind Kind
	// Default is what holds if nothing sets it, for people.
	Default string
}

// SettingKinds are all of them: flags of errand run that say nothing about servers, and
// read nothing outside the project.
var SettingKinds = []SettingKind{
	{"name", "name", Text, ""},
	{"shell", "shell", Text, "/bin/sh, on Windows cmd.exe"},
	{"continueOnError", "continue-on-error", Bool, ""},
	{"terminal", "terminal", Bool, ""},
	{"include", "include", List, ""},
	{"exclude", "exclude", List, ""},
	{"git", "git", Bool, ""},
	{"artifacts", "artifact", List, ""},
	{"workspace", "keep-workspace", Text, ""},
	{"queue", "queue", Text, "default"},
	{"requires", "requires", List, ""},
	{"group", "group", Text, ""},
	{"retries", "retries", Number, "0"},
	{"retryOnExit", "retry-on-exit", List, ""},
	{"maxTries", "max-tries", Number, ""},
	{"memory", "memory", Text, ""},
	{"cpus", "cpus", Text, ""},
	{"pids", "pids", Number, ""},
	{"timeout", "timeout", Duration, "1d"},
	{"lease", "lease", Duration, "the server's"},
}

// forbidden are what a project's file may not set, and people may look for.
var forbidden = []string{"server", "token", "tokenFile", "token-file", "context", "contexts"}

// Compiled when they are used: most commands read no settings, and start faster.
var (
	taskNameRE = lazyRegexp(`^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,63}$`)
	envNameRE  = lazyRegexp(errand.EnvPattern)
	numberRE   = lazyRegexp(numberPattern)
	durationRE = lazyRegexp(durationPattern)
)

func lazyRegexp(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

// ValidTaskName reports whether a task may have the name.
func ValidTaskName(name string) bool { return taskNameRE().MatchString(name) }

// refuse refuses what a project's file may not set.
func (r reader) refuse(key *yaml.Node) error {
	if !slices.Contains(forbidden, key.Value) {
		return nil
	}
	return r.errorf(key, "a project's file can't set %q, since it may come from somebody else; use errand context, a flag or the environment", key.Value)
}

func (r reader) task(key, n *yaml.Node) (Task, error) {
	t := Task{Name: key.Value, Folder: ".", Line: key.Line}
	what := fmt.Sprintf("task %q", t.Name)
	if !ValidTaskName(t.Name) {
		return t, r.errorf(key, "the name of %s must be 1 to 64 letters, digits, hyphens, underscores, dots and colons", what)
	}
	of := map[string]func(*yaml.Node) error{
		"description": func(n *yaml.Node) (err error) { t.Description, err = r.text(n, "description"); return err },
		"folder":      func(n *yaml.Node) (err error) { t.Folder, err = r.folder(n); return err },
		"commands":    func(n *yaml.Node) (err error) { t.Commands, err = r.commands(n); return err },
		"env":         func(n *yaml.Node) (err error) { t.Env, err = r.env(n); return err },
		"cache":       func(n *yaml.Node) (err error) { t.Cache, err = r.caches(n); return err },
		"after":       func(n *yaml.Node) (err error) { t.After, err = r.after(n); return err },
	}
	for _, k := range SettingKinds {
		of[k.Key] = func(n *yaml.Node) error {
			s, err := r.setting(k, n)
			t.Settings = append(t.Settings, s)
			return err
		}
	}
	if resolve(n).Kind != yaml.MappingNode {
		return t, r.errorf(n, "%s must have fields, like \"%s: {commands: make}\"", what, t.Name)
	}
	err := r.entries(n, what, func(key, value *yaml.Node) error {
		if err := r.refuse(key); err != nil {
			return err
		}
		if of[key.Value] == nil {
			return r.unknownField(key, what, of)
		}
		return of[key.Value](value)
	})
	if err == nil && len(t.Commands) == 0 {
		err = r.errorf(key, "%s has no commands", what)
	}
	return t, err
}

// commands reads a line for the shell, or a list of lines and {argv: […]}.
func (r reader) commands(n *yaml.Node) ([]errand.Command, error) {
	at := resolve(n)
	if at.Kind == yaml.ScalarNode {
		line, err := r.text(at, "commands")
		if err == nil && strings.TrimSpace(line) == "" {
			err = r.errorf(n, "commands is empty")
		}
		return []errand.Command{{Shell: line}}, err
	}
	if at.Kind != yaml.SequenceNode {
		return nil, r.errorf(n, "commands must be a line for the shell, or a list")
	}
	all := make([]errand.Command, len(at.Content))
	for i, item := range at.Content {
		what := fmt.Sprintf("commands[%d]", i)
		var err error
		if resolve(item).Kind == yaml.MappingNode {
			err = r.fields(item, what, map[string]func(*yaml.Node) error{
				"argv": func(n *yaml.Node) (err error) { all[i].Argv, err = r.texts(n, what+".argv"); return err },
			})
		} else {
			all[i].Shell, err = r.text(item, what)
		}
		if err != nil {
			return nil, err
		}
		if len(all[i].Argv) == 0 && strings.TrimSpace(all[i].Shell) == "" {
			return nil, r.errorf(item, "%s is empty", what)
		}
	}
	return all, nil
}

func (r reader) env(n *yaml.Node) (map[string]string, error) {
	env := map[string]string{}
	err := r.entries(n, "env", func(key, value *yaml.Node) (err error) {
		if !envNameRE().MatchString(key.Value) {
			return r.errorf(key, "the name of a variable must match %s, got %q", errand.EnvPattern, key.Value)
		}
		env[key.Value], err = r.text(value, "env."+key.Value)
		return err
	})
	return env, err
}

// setting reads the value of a setting.
func (r reader) setting(k SettingKind, n *yaml.Node) (Setting, error) {
	s := Setting{Key: k.Key, Flag: k.Flag, Where: fmt.Sprintf("%s:%d:%d", r.file, n.Line, n.Column)}
	if k.Kind == List {
		var err error
		s.Values, err = r.texts(n, k.Key)
		return s, err
	}
	value, err := r.text(n, k.Key)
	s.Values = []string{value}
	switch {
	case err != nil:
		return s, err
	case k.Kind == Bool && value != "true" && value != "false":
		return s, r.errorf(n, "%s must be true or false, got %q", k.Key, value)
	case k.Kind == Number && !numberRE().MatchString(value):
		return s, r.errorf(n, "%s must be a whole number, got %q", k.Key, value)
	case k.Kind == Duration && !durationRE().MatchString(value):
		return s, r.errorf(n, "%s must be a duration like 90s, 10m or 1d, got %q", k.Key, value)
	}
	return s, nil
}

// The forms of numbers and durations, which docs/errand.schema.json has too.
const (
	numberPattern   = `^[0-9]{1,9}$`
	durationPattern = `^([0-9]+|([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h|d))+)$`
)
