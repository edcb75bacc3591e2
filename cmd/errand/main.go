// Errand sends work to your own machines: see errand help.
package main

import (
	"os"

	"github.com/errandhq/errand/internal/cli"
)

// version is that of the last tag, or the next one's with -dev.
var version = "0.2.0-dev"

func main() { os.Exit(cli.Main(version)) }
