package cli

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/errandhq/errand/internal/direct"
	"github.com/errandhq/errand/internal/setup"
	"github.com/errandhq/errand/internal/stackcli"
	"github.com/errandhq/errand/internal/terminal"
)

// functionCommand runs one Lambda function as a process that speaks the Lambda
// Runtime API. For errand local, not for people.
func (a *app) functionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "function NAME", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			switch {
			case args[0] == stackcli.DirectName:
				return direct.Main(a.getenv)
			case slices.Contains(functionNames(), args[0]):
				setup.Start(args[0])
				return nil
			}
			return terminal.UsageErrorf("unknown function %q", args[0])
		},
	}
}
