package cli

import (
	"github.com/spf13/cobra"

	"github.com/errandhq/errand/internal/terminal"
	"github.com/errandhq/errand/internal/version"
)

func (a *app) versionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  terminal.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if asJSON {
				return a.term.PrintJSON(version.Get())
			}
			return a.printVersion()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a *app) printVersion() error { return a.term.Print("errand " + version.Get().String()) }
