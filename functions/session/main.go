// Command session is the Lambda function of the endpoint "session".
package main

import (
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/setup"
)

func main() { setup.Main(api.SessionEndpoint) }
