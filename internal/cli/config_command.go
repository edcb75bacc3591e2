package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/errandhq/errand/internal/settings"
	"github.com/errandhq/errand/internal/terminal"
)

// A setting is a line of errand config.
type setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	From  string `json:"from"` // what set it
}

func (a *app) configCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "config [TASK]",
		Short: "Show the settings in effect, and where each comes from",
		Long: "Config shows the server and the token that commands use here, the project's tasks, and the settings\n" +
			"that errand run has by default; with a task's name, those of errand run TASK. A flag counts most,\n" +
			"then the environment, the project's errand.yaml, and your config.yaml.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 {
				return nil
			}
			return terminal.WithHint(terminal.UsageErrorf("%s takes at most one task, got %d arguments", cmd.CommandPath(), len(args)),
				"to change a default, edit "+configPath(runtime.GOOS, a.getenv))
		},
		RunE: func(_ *cobra.Command, args []string) error {
			all, err := a.settings(strings.Join(args, ""))
			if err != nil {
				return err
			}
			if asJSON {
				return a.term.PrintJSON(map[string][]setting{"settings": all})
			}
			rows := make([][]string, len(all))
			for i, s := range all {
				rows[i] = []string{s.Name, terminal.ReplaceControls(s.Value), s.From}
			}
			return a.term.PrintTable([]string{"SETTING", "VALUE", "FROM"}, rows)
		},
		ValidArgsFunction: a.completeTasks,
	}
	a.addServerFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON: {\"settings\": [{\"name\", \"value\", \"from\"}]}")
	return cmd
}

// settings are what errand config shows.
func (a *app) settings(taskName string) ([]setting, error) {
	config, err := a.config()
	if err != nil {
		return nil, err
	}
	all := []setting{{"config file", config.Path, existence(config.Path)}}
	all = append(all, a.connectionSettings()...)
	project, err := settings.FindProject(".")
	if err != nil {
		return nil, err
	}
	if project == nil {
		all = append(all, setting{"project", "-", "no " + settings.ProjectFile + " here"})
	} else {
		all = append(all, setting{"project", project.Dir, settings.ProjectFile}, setting{"tasks", strings.Join(project.TaskNames(), ", "), settings.ProjectFile})
	}
	var task *settings.Task
	if taskName != "" {
		if task, err = taskOf(project, taskName); err != nil {
			return nil, err
		}
	}
	return append(all, runSettings(task, config)...), nil
}

func existence(path string) string {
	if _, err := os.Stat(path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return "not there"
		}
		return err.Error()
	}
	return "there"
}

// connectionSettings are the server and the token; a fault is shown where the value would be.
func (a *app) connectionSettings() []setting {
	c, err := a.findConnection(userTokenFile)
	var all []setting
	if c.context != "" {
		all = append(all, setting{"context", c.context, c.contextFrom})
	}
	if c.server != "" {
		all = append(all, setting{"server", c.server, c.serverFrom})
	}
	if err != nil {
		return append(all, setting{"error", err.Error(), "-"})
	}
	if c.tokenFile == "" {
		return append(all, setting{"token", "(set)", c.tokenFrom})
	}
	file, err := filepath.Abs(c.tokenFile)
	if err != nil {
		file = c.tokenFile
	}
	return append(all, setting{"token file", file, c.tokenFrom})
}

// runSettings are the settings of errand run that a task and the user's defaults set.
func runSettings(task *settings.Task, config *settings.Config) []setting {
	var all []setting
	var set []string
	add := func(list []settings.Setting) {
		for _, s := range list {
			if !slices.Contains(set, s.Flag) {
				set = append(set, s.Flag)
				all = append(all, setting{s.Key, strings.Join(s.Values, ", "), s.Where})
			}
		}
	}
	if task != nil {
		where := fmt.Sprintf("%s:%d", settings.ProjectFile, task.Line)
		for i, c := range task.Commands {
			all = append(all, setting{fmt.Sprintf("commands[%d]", i), terminal.FirstLine(c.String(), 200), where})
		}
		for _, name := range slices.Sorted(maps.Keys(task.Env)) {
			all = append(all, setting{"env." + name, task.Env[name], where})
		}
		all = append(all, setting{"folder", task.Folder, where})
		for _, d := range task.After {
			all = append(all, setting{"after", fmt.Sprintf("%s:%s", d.Task, d.On), where})
		}
		add(task.Settings)
	}
	add(config.Defaults)
	for _, k := range settings.SettingKinds {
		if k.Default != "" && !slices.Contains(set, k.Flag) {
			all = append(all, setting{k.Key, k.Default, "default"})
		}
	}
	return all
}
