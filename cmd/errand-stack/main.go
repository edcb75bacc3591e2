// Errand-stack is errand stack alone, for the image in infra/stack.
package main

import (
	"os"

	"github.com/errandhq/errand/internal/stackcli"
)

func main() { os.Exit(stackcli.Main()) }
