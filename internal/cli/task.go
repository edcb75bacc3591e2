package cli

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/settings"
	"github.com/errandhq/errand/internal/terminal"
)

// A task of the project that errand run runs, and the folder that it sends.
type runTask struct {
	settings.Task
	project *settings.Project
	dir     string
}

// isTaskName reports whether the argument of errand run names a task: a folder is written
// with a slash.
func isTaskName(arg string) bool {
	return settings.ValidTaskName(arg) && arg != "." && arg != ".."
}

// useSettings fills in what the flags of errand run leave open: from the task that args
// name, and from the user's defaults.
func (a *app) useSettings(fl *pflag.FlagSet, f *runFlags, args []string, dash int) error {
	f.triesGiven = fl.Changed("max-tries")
	if len(args) == 1 && dash < 0 && len(f.commands) == 0 && isTaskName(args[0]) {
		if err := f.useTask(fl, args[0]); err != nil {
			return err
		}
	}
	config, err := a.config()
	if err != nil {
		return err
	}
	return f.setFlags(fl, config.Defaults)
}

// useTask makes errand run run a task. With --dry-run, a name that no task has is a folder.
func (f *runFlags) useTask(fl *pflag.FlagSet, name string) error {
	project, err := settings.FindProject(".")
	if err != nil {
		return err
	}
	if f.dryRun && (project == nil || project.Task(name) == nil) {
		return nil
	}
	task, err := taskOf(project, name)
	if err != nil {
		return err
	}
	return f.setTask(fl, project, task)
}

// setTask makes the flags run the task.
func (f *runFlags) setTask(fl *pflag.FlagSet, project *settings.Project, task *settings.Task) error {
	dir, err := project.TaskDir(task)
	if err != nil {
		return err
	}
	f.task = &runTask{Task: *task, project: project, dir: dir}
	if err := f.setFlags(fl, task.Settings); err != nil {
		return err
	}
	if f.name == "" {
		f.name = task.Name
	}
	return nil
}

// exampleTasks shows the form of errand.yaml.
const exampleTasks = "tasks:\n" +
	"  build:\n" +
	"    commands: make\n" +
	"    artifacts: dist\n" +
	"  test:\n" +
	"    after: build\n" +
	"    commands: [make check, make lint]"

// indented puts a prefix before each line.
func indented(text, prefix string) string {
	return prefix + strings.ReplaceAll(text, "\n", "\n"+prefix)
}

// taskOf returns a task of the project. Errors: it has none with the name.
func taskOf(p *settings.Project, name string) (*settings.Task, error) {
	if p == nil {
		hint := misnamedProject()
		if hint == "" {
			hint = "to run a command, put -- before it; to name a folder, write ./" + name
		}
		return nil, terminal.WithHint(terminal.UsageErrorf("there is no task %q: no %s is here", name, settings.ProjectFile), hint)
	}
	if t := p.Task(name); t != nil {
		return t, nil
	}
	similar := &cobra.Command{SuggestionsMinimumDistance: 2}
	for _, n := range p.TaskNames() {
		similar.AddCommand(&cobra.Command{Use: n, Run: func(*cobra.Command, []string) {}})
	}
	hint := "the tasks are " + strings.Join(p.TaskNames(), ", ")
	if names := similar.SuggestionsFor(name); isThere(name) {
		hint += "; to name the folder, write ./" + name
	} else if len(names) > 0 {
		hint = "did you mean " + strings.Join(names, " or ") + "?"
	}
	return nil, terminal.WithHint(terminal.UsageErrorf("%s has no task %q", settings.ProjectFile, name), hint)
}

// setFlags sets flags that the user hasn't set. Errors name the place in the file.
func (f *runFlags) setFlags(fl *pflag.FlagSet, list []settings.Setting) error {
	for _, s := range list {
		flag := fl.Lookup(s.Flag)
		if flag == nil {
			return fmt.Errorf("%s: errand run has no flag --%s", s.Where, s.Flag)
		}
		no := fl.Lookup("no-" + s.Flag)
		if flag.Changed || no != nil && no.Changed {
			continue
		}
		if no != nil && s.Values[0] == "false" {
			flag, s.Values = no, []string{"true"}
		}
		for _, v := range s.Values {
			if err := fl.Set(flag.Name, v); err != nil {
				return fmt.Errorf("%s: %s %s", s.Where, s.Key, terminal.ValueFault(err))
			}
		}
		f.fromFiles = append(f.fromFiles, s)
	}
	return nil
}

// flagAtStart matches the flag that a line of an error begins with.
var flagAtStart = regexp.MustCompile(`(?m)^--([a-z-]+)`)

// locate puts the place in a file before an error about a setting that the file has, and the
// setting's name where the error has that of the flag.
func (f *runFlags) locate(err error) error {
	var field *errand.Error
	if errors.As(err, &field) {
		if where := f.placeOf(field.Field); where != "" {
			return &locatedError{err, where}
		}
		return err
	}
	text := flagAtStart.ReplaceAllStringFunc(err.Error(), func(flag string) string {
		for _, s := range f.fromFiles {
			if flag == "--"+s.Flag {
				return s.Where + ": " + s.Key
			}
		}
		return flag
	})
	if text == err.Error() {
		return err
	}
	return errors.New(text)
}

// A fieldError is an error about a field without its code, which is for programs.
type fieldError struct{ cause *errand.Error }

func (e *fieldError) Error() string { return e.cause.Message }
func (e *fieldError) Unwrap() error { return e.cause }

// withoutCode drops the code of an error about a field.
func withoutCode(err error) error {
	if field := (*errand.Error)(nil); errors.As(err, &field) {
		return &fieldError{field}
	}
	return err
}

// A locatedError is an error about what a file has.
type locatedError struct {
	error
	where string
}

func (e *locatedError) Error() string { return e.where + ": " + e.error.Error() }
func (e *locatedError) Unwrap() error { return e.error }

// settingsOfFields are the settings that have other names than the fields of a job.
var settingsOfFields = map[string]string{
	"maxAttempts": "retries", "retryOnExit.maxTries": "maxTries", "limits.memory": "memory", "limits.cpus": "cpus", "limits.pids": "pids",
}

// placeOf is the place in a file of what a job's field was set by; empty if no file set it.
func (f *runFlags) placeOf(field string) string {
	top, _, _ := strings.Cut(field, ".")
	top, _, _ = strings.Cut(top, "[")
	key := cmp.Or(settingsOfFields[field], top)
	for _, s := range f.fromFiles {
		if s.Key == key {
			return s.Where
		}
	}
	if f.task != nil && (key == "commands" || key == "env") {
		return fmt.Sprintf("%s:%d: task %q", settings.ProjectFile, f.task.Line, f.task.Name)
	}
	return ""
}

// addTo adds the task's variables and caches to the job; those of flags count more.
func (t *runTask) addTo(body *api.CreateJob) {
	if body.Cache == nil {
		body.Cache = t.Cache
	}
	env := maps.Clone(t.Env)
	if env == nil {
		return
	}
	maps.Copy(env, body.Env)
	body.Env = env
}

// listTasks prints the tasks of the project here. Errors: there is none.
func (a *app) listTasks(asJSON bool) error {
	project, err := settings.FindProject(".")
	if err != nil {
		return err
	}
	if project == nil {
		hint := misnamedProject()
		if hint == "" {
			hint = "to run tasks by their names, write an " + settings.ProjectFile + ", like:\n" + indented(exampleTasks, "  ")
		}
		return terminal.WithHint(terminal.UsageErrorf("no command: pass one after -- or with -c"), hint)
	}
	type jsonTask struct {
		Name        string `json:"name"`
		Description string `json:"description,omitempty"`
	}
	var list []jsonTask
	var rows [][]string
	for _, t := range project.Tasks {
		what := t.Description
		if what == "" {
			what = commandText(&api.Job{Commands: t.Commands})
		}
		list = append(list, jsonTask{t.Name, t.Description})
		rows = append(rows, []string{t.Name, terminal.FirstLine(what, 200)})
	}
	if asJSON {
		return a.term.PrintJSON(map[string][]jsonTask{"tasks": list})
	}
	return a.term.PrintTable([]string{"TASK", "WHAT"}, rows)
}

// misnamedProject is a hint about a file here that looks like an errand.yaml; empty if there is none.
func misnamedProject() string {
	for _, name := range []string{"errand.yml", ".errand.yaml", ".errand.yml"} {
		if isFile(name) {
			return name + " is here: rename it to " + settings.ProjectFile
		}
	}
	return ""
}

func (a *app) completeTasks(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	project, err := settings.FindProject(".")
	if len(args) > 0 || err != nil || project == nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	var all []string
	for _, t := range project.Tasks {
		all = append(all, t.Name+"\t"+terminal.FirstLine(t.Description, 80))
	}
	return all, cobra.ShellCompDirectiveDefault
}
