// Command uploads is the Lambda function of the endpoint "uploads".
package main

import (
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/wire"
)

func main() { wire.Main(api.Uploads) }
