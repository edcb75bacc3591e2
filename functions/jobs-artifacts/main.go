// Command jobs-artifacts is the Lambda function of the endpoint "jobs-artifacts".
package main

import (
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/setup"
)

func main() { setup.Main(api.JobsArtifacts) }
