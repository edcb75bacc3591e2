// Command sweep is the Lambda function that a schedule calls each minute: it
// looks after jobs that are due.
package main

import "github.com/errandhq/errand/internal/setup"

func main() { setup.MainSweep() }
