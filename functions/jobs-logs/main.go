// Command jobs-logs is the Lambda function of the endpoint "jobs-logs".
package main

import (
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/wire"
)

func main() { wire.Main(api.JobsLogs) }
