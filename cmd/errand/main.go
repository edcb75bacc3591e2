// Errand sends work to your own machines: see errand help.
package main

import (
	"os"

	"github.com/errandhq/errand/internal/cli"
	"github.com/errandhq/errand/internal/wire"
)

// version is set by the release build: -ldflags "-X main.version=v1.2.3".
var version string

func main() { os.Exit(cli.Main(version, wire.Plane{})) }
