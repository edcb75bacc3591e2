package setup

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/logging"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/awsconf"
	"github.com/errandhq/errand/internal/dynamo"
)

// PutToken keeps a token in a deployed server's table, with the AWS credentials
// that the environment gives.
func PutToken(ctx context.Context, table string, t *errand.Token) error {
	cfg, err := awsconf.Load(ctx, logging.Nop{})
	if err != nil {
		return err
	}
	err = dynamo.New(dynamodb.NewFromConfig(cfg), dynamo.Tables{Tokens: table}, nil).PutToken(ctx, t)
	return awsconf.Failed("put the token into the table "+table, err)
}
