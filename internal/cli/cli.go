// Package cli is the errand command: one file per command, ui.go for what the
// user sees. It is the one place that reads flags and the environment, and the
// one that puts agent, local stack and page together.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

// Exit codes. A job's own code is passed on by errand run; these say what
// errand itself has to say. docs/cli.md tells users.
const (
	exitOK        = 0
	exitFailure   = 1
	exitUsage     = 2
	exitTimedOut  = 124 // run: the job ran longer than its timeout
	exitNotRun    = 125 // run: the job never ran, was lost or failed; or errand run itself failed
	exitCancelled = 130 // run: the job was cancelled; all: interrupted
)

// exitError carries an exit code. Its err may be nil: all is said already.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// usageErrorf is an error in how the command was called.
func usageErrorf(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

// app is what every command has: the user, and the environment.
type app struct {
	plane  ControlPlane // nil in the program that is errand stack alone
	ui     *ui
	stdout io.Writer // the raw one, for a job's own output
	stderr io.Writer
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
func Main(version string, plane ControlPlane) int {
	release = version
	return run(context.Background(), plane, os.Args[1:], os.Stdout, os.Stderr, os.LookupEnv)
}

// StackMain is Main for the program that is errand stack alone, which is
// smaller and starts sooner.
func StackMain() int {
	a := newApp(nil, os.Stdout, os.Stderr, os.LookupEnv)
	root := a.stackCommand()
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.DisableDefaultCmd = true
	return a.execute(context.Background(), root, os.Args[1:])
}

func run(ctx context.Context, plane ControlPlane, args []string, stdout, stderr io.Writer, lookup func(string) (string, bool)) int {
	a := newApp(plane, stdout, stderr, lookup)
	return a.execute(ctx, a.root(), args)
}

func newApp(plane ControlPlane, stdout, stderr io.Writer, lookup func(string) (string, bool)) *app {
	a := &app{plane: plane, stdout: stdout, stderr: stderr, lookup: lookup}
	a.ui = newUI(stdout, stderr, a.getenv)
	return a
}

func (a *app) execute(ctx context.Context, root *cobra.Command, args []string) int {
	root.SetArgs(args)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	started := false
	root.PersistentPreRun = func(*cobra.Command, []string) { started = true }
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	return a.fail(cmd, err, started)
}

// fail tells the user about err and picks the exit code.
func (a *app) fail(cmd *cobra.Command, err error, started bool) int {
	if errors.Is(err, errInterrupted) {
		return exitCancelled
	}
	var e *exitError
	switch {
	case errors.As(err, &e) && e.err == nil:
		return e.code // a job's own, and all is said
	case e == nil && started:
		e = &exitError{exitFailure, err}
	case e == nil: // cobra found it before the command ran
		e = &exitError{exitUsage, err}
	}
	a.ui.error(err)
	if e.code == exitUsage {
		a.ui.hintf("see %s --help", cmd.CommandPath())
	}
	if cmd.Name() == "run" {
		return exitNotRun // 1 and 2 are the job's to give
	}
	return e.code
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "errand",
		Short: "Send work to your own machines",
		Long: "Errand sends a folder and some commands to your own machines, streams the output\n" +
			"back and reports the result.\n\n" +
			"  errand local                      start a server and an agent on this machine\n" +
			"  errand run . -- go test ./...     run a command in a copy of this folder",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(
		a.runCommand(), a.jobsCommand(), a.jobCommand(), a.logsCommand(), a.cancelCommand(), a.workersCommand(),
		a.localCommand(), a.agentCommand(), a.stackCommand(), a.tokenCommand(), a.quickstartCommand(), a.versionCommand(), a.functionCommand(), a.demoCommand(),
	)
	return root
}
