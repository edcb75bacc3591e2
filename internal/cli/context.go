package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/errandhq/errand/internal/settings"
	"github.com/errandhq/errand/internal/terminal"
)

func (a *app) contextCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "context",
		Short: "Name the servers that you use, and choose one",
		Long: "A context is a server's URL and the file with your token for it, under a name. The commands use the\n" +
			"context that errand context use chose, unless --context, --server or the environment name another\n" +
			"server. Contexts are kept in " + shownConfigPath() + ".",
		Example: "  errand context set prod --server https://errand.example.net --token-file ~/prod.token\n  errand context use prod",
		Args:    terminal.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.contextListCommand(), a.contextUseCommand(), a.contextSetCommand(), a.contextDeleteCommand())
	return cmd
}

// localContext is what errand context use calls the local server.
const localContext = "local"

func shownConfigPath() string {
	if runtime.GOOS == "windows" {
		return `%AppData%\errand\config.yaml`
	}
	return "~/.config/errand/config.yaml"
}

func (a *app) contextListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List contexts; the one in use has a *", Args: terminal.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.contextList(asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON: {\"context\": …, \"contexts\": […]}")
	return cmd
}

// contextJSON is a context as errand context list --json prints it.
type contextJSON struct {
	Name      string `json:"name"`
	Server    string `json:"server"`
	TokenFile string `json:"tokenFile,omitempty"`
}

func (a *app) contextList(asJSON bool) error {
	config, err := a.config()
	if err != nil {
		return err
	}
	list, rows := []contextJSON{}, [][]string{}
	for _, c := range config.Contexts {
		mark := "-"
		if c.Name == config.Context {
			mark = "*"
		}
		list = append(list, contextJSON{c.Name, c.Server, c.TokenFile})
		rows = append(rows, []string{mark, c.Name, c.Server, c.TokenFile})
	}
	if asJSON {
		return a.term.PrintJSON(struct {
			Context  string        `json:"context,omitempty"`
			Contexts []contextJSON `json:"contexts"`
		}{config.Context, list})
	}
	if len(rows) == 0 {
		a.term.Hintf("there is no context; add one with errand context set NAME --server URL --token-file FILE")
		return nil
	}
	return a.term.PrintTable([]string{"USE", "NAME", "SERVER", "TOKEN FILE"}, rows)
}

func (a *app) contextUseCommand() *cobra.Command {
	return &cobra.Command{
		Use: "use NAME", Short: "Use a context from now on; \"local\" for the local server", Args: terminal.OneArg,
		ValidArgsFunction: a.completeContexts,
		RunE: func(_ *cobra.Command, args []string) error {
			err := a.updateConfig(func(config *settings.Config) error {
				_, err := config.Find(args[0])
				switch {
				case err == nil:
					config.Context = args[0]
				case args[0] == localContext:
					config.Context = ""
				default:
					return terminal.WithHint(err, "add one with errand context set")
				}
				return nil
			})
			if err == nil {
				a.term.Notef("using %s", args[0])
			}
			return err
		},
	}
}

func (a *app) contextSetCommand() *cobra.Command {
	var server, tokenFile string
	cmd := &cobra.Command{
		Use: "set NAME --server URL", Short: "Add or change a context", Args: terminal.OneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.contextSet(args[0], server, tokenFile, cmd.Flags().Changed("token-file"))
		},
	}
	cmd.Flags().StringVar(&server, "server", "", "`URL` of the server")
	cmd.Flags().StringVar(&tokenFile, "token-file", "", "`file` with your token for it")
	return cmd
}

func (a *app) contextSet(name, server, tokenFile string, setToken bool) error {
	if !settings.ValidContextName(name) {
		return terminal.UsageErrorf("the name of a context must be 1 to 64 letters, digits, hyphens, underscores and dots, got %q", name)
	}
	if tokenFile != "" {
		abs, err := filepath.Abs(tokenFile)
		if err != nil {
			return err
		}
		tokenFile = abs
	}
	var ctx settings.Context
	verb, hint := "changed", ""
	err := a.updateConfig(func(config *settings.Config) (err error) {
		if ctx, err = config.Find(name); err != nil {
			if verb, err = "added", checkNewContext(name, server); err != nil {
				return err
			}
		}
		ctx.Name = name
		if server != "" {
			if ctx.Server, err = parseServerURL(server); err != nil {
				return err
			}
		}
		if setToken {
			ctx.TokenFile = tokenFile
		}
		config.Set(ctx)
		if config.Context != name {
			hint = "use it with errand context use " + name
		}
		return nil
	})
	if err != nil {
		return err
	}
	if _, err := os.Stat(ctx.TokenFile); ctx.TokenFile != "" && err != nil {
		a.term.Notef("warning: the token file can't be read: %v", err)
	}
	a.term.Notef("context %s %s", name, verb)
	if hint != "" {
		a.term.Hintf("%s", hint)
	}
	return nil
}

func checkNewContext(name, server string) error {
	switch {
	case name == localContext:
		return terminal.UsageErrorf("%q stands for the local server; choose another name", name)
	case server == "":
		return terminal.UsageErrorf("--server is required for a new context")
	}
	return nil
}

func (a *app) contextDeleteCommand() *cobra.Command {
	return &cobra.Command{
		Use: "delete NAME", Aliases: []string{"rm"}, Short: "Delete a context; its token file stays", Args: terminal.OneArg,
		ValidArgsFunction: a.completeContexts,
		RunE: func(_ *cobra.Command, args []string) error {
			return a.updateConfig(func(config *settings.Config) error { return config.Delete(args[0]) })
		},
	}
}

func (a *app) updateConfig(change func(*settings.Config) error) error {
	path := configPath(runtime.GOOS, a.getenv)
	if path == "" {
		return fmt.Errorf("no place for the configuration: neither XDG_CONFIG_HOME nor HOME is set")
	}
	return settings.UpdateConfig(path, change)
}

func (a *app) completeContexts(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	config, err := a.config()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return config.Names(), cobra.ShellCompDirectiveNoFileComp
}
