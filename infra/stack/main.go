// Command stack is errand stack alone: the program of the image that Dockerfile
// makes.
package main

import (
	"os"

	"github.com/errandhq/errand/internal/cli"
)

func main() { os.Exit(cli.StackMain()) }
