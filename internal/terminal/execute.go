package terminal

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Execute runs the command that args select below root, and prints its error.
// It returns the command that ran and the error with its exit code; nil means
// success.
func (t *Terminal) Execute(ctx context.Context, root *cobra.Command, args []string) (*cobra.Command, *ExitError) {
	root.SetArgs(args)
	root.SetOut(t.Stdout)
	root.SetErr(t.Stderr)
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetHelpCommand(helpCommand())
	root.SetUsageFunc(t.usage)
	keepFlagOrder(root)
	var unknown error
	showHelp := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) { // cobra shows root's help for frob --help
		if cmd.HasSubCommands() {
			unknown = NoArgs(cmd, cmd.Flags().Args())
		}
		if unknown == nil {
			showHelp(cmd, args)
		}
	})
	root.SetFlagErrorFunc(flagError)
	started := false
	root.PersistentPreRun = func(*cobra.Command, []string) { started = true }
	cmd, err := root.ExecuteContextC(ctx)
	t.EndOutput()
	if err == nil {
		err = unknown
	}
	exit := exitError(err, started)
	if cmd.Name() == "help" {
		cmd = root
	}
	if exit != nil && exit.Err != nil {
		t.PrintError(err)
		if exit.Code == ExitUsage {
			t.Hintf("see %s --help", cmd.CommandPath())
		}
	}
	return cmd, exit
}

// exitError returns err with its exit code. An error before the command started
// is one of cobra's, about flags or arguments.
func exitError(err error, started bool) *ExitError {
	var exit *ExitError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrInterrupted):
		return &ExitError{Code: ExitCancelled}
	case errors.As(err, &exit):
		return exit
	case started:
		return &ExitError{ExitFailure, err}
	}
	return &ExitError{ExitUsage, err}
}

// flagTypes describes the values of pflag's types to users.
var flagTypes = map[string]string{
	"bool": "true or false", "duration": "a duration like 90s, 10m or 1d", "int": "a whole number", "uint64": "a whole number", "float64": "a number, like 1.5",
	"intSlice": "whole numbers, like 75 or 1,2",
	"size":     "a size like 500MB or 2GB",
}

// flagError replaces pflag's message about a bad value, which quotes strconv and
// time, and suggests a flag for an unknown one.
func flagError(cmd *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	var unknown *pflag.NotExistError
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return pflag.ErrHelp
	case errors.As(err, &unknown):
		return suggestFlag(cmd, err, unknown.GetSpecifiedName())
	case !errors.As(err, &invalid):
		return err
	}
	return UsageErrorf("--%s %s", invalid.GetFlag().Name, ValueFault(err))
}

// ValueFault says what is wrong with a value, from the error of setting a flag to it:
// "must be a whole number, got "x"".
func ValueFault(err error) string {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return err.Error()
	}
	if want, ok := flagTypes[invalid.GetFlag().Value.Type()]; ok {
		return fmt.Sprintf("must be %s, got %q", want, invalid.GetValue())
	}
	return fmt.Sprintf("%v, got %q", errors.Unwrap(invalid), invalid.GetValue())
}

// suggestFlag adds the flags with similar names to an error about an unknown flag.
func suggestFlag(cmd *cobra.Command, err error, name string) error {
	similar := &cobra.Command{SuggestionsMinimumDistance: 2} // cobra compares names of commands
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			similar.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
		}
	})
	names := similar.SuggestionsFor(name)
	if len(name) < 2 || len(names) == 0 || len(names) > 3 {
		return err
	}
	return WithHint(err, "did you mean --"+strings.Join(names, " or --")+"?")
}
