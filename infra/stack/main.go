// Command stack is errand stack alone: the program of the image that Dockerfile
// makes.
package main

import (
	"os"

	"github.com/errandhq/errand/internal/cli"
	_ "github.com/errandhq/errand/internal/firstgc"
	_ "github.com/errandhq/errand/internal/prelude"
)

func main() { os.Exit(cli.StackMain()) }
