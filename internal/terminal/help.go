package terminal

import (
	"strings"

	"github.com/spf13/cobra"
)

// OneArg is a cobra.PositionalArgs for commands with one argument.
func OneArg(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return UsageErrorf("%s takes one argument (%s), got %d", cmd.CommandPath(), cmd.Use, len(args))
	}
	return nil
}

// NoArgs is a cobra.PositionalArgs for commands without arguments. For a command
// with subcommands, it suggests one.
func NoArgs(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case !cmd.HasSubCommands():
		return UsageErrorf("%s takes no arguments, got %q", cmd.CommandPath(), args[0])
	}
	err := UsageErrorf("unknown command %q for %q", args[0], cmd.CommandPath())
	cmd.SuggestionsMinimumDistance = 2
	if names := cmd.SuggestionsFor(args[0]); len(names) > 0 {
		return WithHint(err, "did you mean "+strings.Join(names, " or ")+"?")
	}
	return err
}

// helpCommand is cobra's, but fails for unknown commands.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Show the help of a command",
		RunE: func(cmd *cobra.Command, args []string) error {
			target, rest, err := cmd.Root().Find(args)
			if err != nil {
				return err
			}
			if err := NoArgs(target, rest); err != nil {
				return err
			}
			target.InitDefaultHelpFlag()
			return target.Help()
		},
	}
}
