// Package awsconf loads the SDK's configuration from the environment, as any
// AWS SDK does: AWS_REGION, credentials, AWS_ENDPOINT_URL.
package awsconf

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"
)

// Load returns the configuration of the process's environment. Unless log is nil, the SDK
// logs there, also what looks for credentials.
func Load(ctx context.Context, log logging.Logger) (aws.Config, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithLogger(log))
	if err != nil {
		return cfg, fmt.Errorf("load the AWS configuration: %w", err)
	}
	return cfg, nil
}
