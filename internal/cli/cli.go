// Package cli is the errand command: one file per command. It is the one place
// that reads flags and the environment, and the one that puts agent, local stack
// and page together.
package cli

import (
	"context"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/errandhq/errand/internal/stackcli"
	"github.com/errandhq/errand/internal/terminal"
)

// app is what every command has: the user, and the environment.
type app struct {
	term   *terminal.Terminal
	lookup func(string) (string, bool)
	server serverFlags
}

// getenv is a variable of the environment; empty if it isn't set.
func (a *app) getenv(name string) string {
	v, _ := a.lookup(name)
	return v
}

// Main runs the command that os.Args names and returns its exit code. version is
// the release's; empty: what the Go toolchain knows of the build.
func Main(version string) int {
	release = version
	return run(context.Background(), os.Args[1:], os.Stdout, os.Stderr, os.LookupEnv)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer, lookup func(string) (string, bool)) int {
	a := newApp(stdout, stderr, lookup)
	cmd, exit := a.term.Execute(ctx, a.root(), args)
	switch {
	case exit == nil:
		return 0
	case exit.Err != nil && cmd.Name() == "run":
		return terminal.ExitNotRun // 1 and 2 are the job's exit codes
	}
	return exit.Code
}

func newApp(stdout, stderr io.Writer, lookup func(string) (string, bool)) *app {
	a := &app{lookup: lookup}
	a.term = terminal.New(stdout, stderr, a.getenv)
	a.term.HintFor = hintFor
	return a
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "errand",
		Short: "Send work to your own machines",
		Long: "Errand sends a folder and some commands to your own machines, streams the output\n" +
			"back and reports the result.\n\n" +
			"  errand local                      start a server and an agent on this machine\n" +
			"  errand run . -- go test ./...     run a command in a copy of this folder",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(
		a.runCommand(), a.jobsCommand(), a.jobCommand(), a.logsCommand(), a.cancelCommand(), a.workersCommand(),
		a.localCommand(), a.agentCommand(), stackcli.NewCommand("stack", a.term, a.getenv), a.tokenCommand(),
		a.quickstartCommand(), a.versionCommand(), a.functionCommand(), a.demoCommand(),
	)
	return root
}
