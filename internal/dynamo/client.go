package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/errandhq/errand/internal/control"
)

// client makes the calls of DynamoDB within a limit.
type client struct {
	db    *dynamodb.Client
	limit *control.Limit
}

type options = func(*dynamodb.Options)

func (c client) GetItem(ctx context.Context, in *dynamodb.GetItemInput, o ...options) (*dynamodb.GetItemOutput, error) {
	return control.Limited(ctx, c.limit, func() (*dynamodb.GetItemOutput, error) { return c.db.GetItem(ctx, in, o...) })
}

func (c client) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...options) (*dynamodb.PutItemOutput, error) {
	return control.Limited(ctx, c.limit, func() (*dynamodb.PutItemOutput, error) { return c.db.PutItem(ctx, in, o...) })
}

func (c client) DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput, o ...options) (*dynamodb.DeleteItemOutput, error) {
	return control.Limited(ctx, c.limit, func() (*dynamodb.DeleteItemOutput, error) { return c.db.DeleteItem(ctx, in, o...) })
}

func (c client) BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput, o ...options) (*dynamodb.BatchGetItemOutput, error) {
	return control.Limited(ctx, c.limit, func() (*dynamodb.BatchGetItemOutput, error) { return c.db.BatchGetItem(ctx, in, o...) })
}

func (c client) Query(ctx context.Context, in *dynamodb.QueryInput, o ...options) (*dynamodb.QueryOutput, error) {
	return control.Limited(ctx, c.limit, func() (*dynamodb.QueryOutput, error) { return c.db.Query(ctx, in, o...) })
}

func (c client) Scan(ctx context.Context, in *dynamodb.ScanInput, o ...options) (*dynamodb.ScanOutput, error) {
	return control.Limited(ctx, c.limit, func() (*dynamodb.ScanOutput, error) { return c.db.Scan(ctx, in, o...) })
}
