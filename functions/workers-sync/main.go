// Command workers-sync is the Lambda function of the endpoint "workers-sync".
package main

import (
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/setup"
)

func main() { setup.Main(api.WorkersSync) }
