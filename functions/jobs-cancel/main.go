// Command jobs-cancel is the Lambda function of the endpoint "jobs-cancel".
package main

import (
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/setup"
)

func main() { setup.Main(api.JobsCancel) }
