// Command jobs-explain is the Lambda function of the endpoint "jobs-explain".
package main

import (
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/setup"
)

func main() { setup.Main(api.JobsExplain) }
