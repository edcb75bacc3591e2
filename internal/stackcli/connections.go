package stackcli

import (
	"github.com/spf13/pflag"

	"github.com/errandhq/errand/internal/terminal"
)

// minConnections is the least that --max-connections accepts.
const minConnections = 16

// AddConnectionsFlag adds --max-connections.
func AddConnectionsFlag(fl *pflag.FlagSet, n *int) {
	fl.IntVar(n, "max-connections", 0, "serve at most `N` connections at a time at each address (default a quarter of the open files that the system allows, at most 4096)")
}

// CheckConnections returns an error if the flag's value is not allowed.
func CheckConnections(n int) error {
	if n != 0 && n < minConnections {
		return terminal.UsageErrorf("--max-connections must be at least %d, got %d", minConnections, n)
	}
	return nil
}
