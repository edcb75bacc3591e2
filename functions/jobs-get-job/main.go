// Command jobs-get-job is the Lambda function of the endpoint "jobs-get-job".
package main

import (
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/setup"
)

func main() { setup.Main(api.JobsGetJob) }
