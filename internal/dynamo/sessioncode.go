package dynamo

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// codePrefix begins the keys of codes, so that none is ever read as a token.
const codePrefix = "code#"

// codeItem is errand.SessionCode.
type codeItem struct {
	PK      string `dynamodbav:"pk"` // codePrefix and its hash
	Parent  string `dynamodbav:"parent"`
	Expires int64  `dynamodbav:"expires"`
	meta
}

// PutSessionCode implements control.SessionCodeStore.
func (s *Store) PutSessionCode(ctx context.Context, c *errand.SessionCode) error {
	i := codeItem{PK: codePrefix + c.Hash, Parent: c.Parent, Expires: millis(c.ExpiresAt), meta: meta{TTL: ttlOf(c.ExpiresAt)}}
	return s.overwrite(ctx, s.tables.Tokens, i)
}

// TakeSessionCode implements control.SessionCodeStore: of several conditional deletes,
// DynamoDB lets one succeed.
func (s *Store) TakeSessionCode(ctx context.Context, hash string) (*errand.SessionCode, error) {
	out, err := s.db.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &s.tables.Tokens, Key: item{"pk": str(codePrefix + hash)},
		ConditionExpression: aws.String("attribute_exists(pk)"),
		ReturnValues:        types.ReturnValueAllOld,
	})
	var failed *types.ConditionalCheckFailedException
	if errors.As(err, &failed) {
		return nil, control.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("delete from %s: %w", s.tables.Tokens, err)
	}
	var i codeItem
	if err := s.decode(out.Attributes, &i); err != nil {
		return nil, err
	}
	return &errand.SessionCode{Hash: hash, Parent: i.Parent, ExpiresAt: fromMillis(i.Expires)}, nil
}
