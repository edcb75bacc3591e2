package cli

import (
	"github.com/spf13/cobra"

	"github.com/errandhq/errand/internal/direct"
)

// functionCommand runs one Lambda function as a process that speaks the Lambda
// Runtime API. For errand local, not for people.
func (a *app) functionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "function NAME", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if args[0] != directName {
				return usageErrorf("there is no function %q to run as a process", args[0])
			}
			return direct.Main(a.getenv)
		},
	}
}
