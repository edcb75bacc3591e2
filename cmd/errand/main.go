// Errand sends work to your own machines: see errand help.
package main

import (
	"os"

	"github.com/errandhq/errand/internal/cli"
)

func main() { os.Exit(cli.Main()) }
