// Command direct is the Lambda function of direct mode. It runs user commands,
// so it holds no credentials, and serves one request only.
package main

import (
	"fmt"
	"os"

	"github.com/errandhq/errand/internal/direct"
)

func main() {
	if err := direct.Main(os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, "direct:", err)
		os.Exit(1)
	}
}
