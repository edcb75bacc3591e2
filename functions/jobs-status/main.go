// Command jobs-status is the Lambda function of the endpoint "jobs-status".
package main

import (
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/setup"
)

func main() { setup.Main(api.JobsStatus) }
