// Command jobs-submit-result is the Lambda function of the endpoint "jobs-submit-result".
package main

import (
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/setup"
)

func main() { setup.Main(api.JobsSubmitResult) }
