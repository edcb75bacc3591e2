package dynamo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/errandhq/errand/internal/control"
)

// claimItem is an idempotency key's use.
type claimItem struct {
	PK       string `dynamodbav:"pk"`
	SK       string `dynamodbav:"sk"`
	BodyHash string `dynamodbav:"bodyHash"`
	JobID    string `dynamodbav:"jobId"`
	meta
}

// Claim implements control.JobStore.
func (s *Store) Claim(ctx context.Context, c control.Claim) (control.Claim, error) {
	sum := sha256.Sum256([]byte(c.Owner + "\x00" + c.Route + "\x00" + c.Key))
	i := claimItem{
		PK: "claim#" + hex.EncodeToString(sum[:]), SK: "claim", BodyHash: c.BodyHash, JobID: c.JobID,
		meta: meta{Mark: newMark(), TTL: s.clock.Now().Add(claimLifetime).Unix()},
	}
	old, err := s.put(ctx, s.tables.Jobs, i, i.Mark, 0)
	if !errors.Is(err, control.ErrConflict) {
		return c, err
	}
	var held claimItem
	if err := s.decode(old, &held); err != nil {
		return c, fmt.Errorf("claim: %w", err)
	}
	c.BodyHash, c.JobID = held.BodyHash, held.JobID
	return c, control.ErrExists
}

// overwrite writes rec whatever was there.
func (s *Store) overwrite(ctx context.Context, table string, rec any) error {
	it, err := attributevalue.MarshalMap(rec)
	if err != nil {
		return fmt.Errorf("encode item: %w", err)
	}
	_, err = s.db.PutItem(ctx, &dynamodb.PutItemInput{TableName: &table, Item: it})
	return wrap(err, "put into "+table)
}
