package dynamo

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// dependentKey begins the sort keys of the jobs that wait for a job.
const dependentKey = "dependent#"

// dependentItem says that a job waits for another.
type dependentItem struct {
	PK string `dynamodbav:"pk"`
	SK string `dynamodbav:"sk"`
	meta
}

// AddDependent implements control.DependentStore.
func (s *Store) AddDependent(ctx context.Context, awaited, dependent string) error {
	return s.overwrite(ctx, s.tables.Jobs, dependentItem{
		PK: awaited, SK: dependentKey + dependent, meta: meta{TTL: s.clock.Now().Add(openLifetime).Unix()},
	})
}

// Dependents implements control.DependentStore.
func (s *Store) Dependents(ctx context.Context, awaited, after string) ([]string, error) {
	pages := dynamodb.NewQueryPaginator(s.db, &dynamodb.QueryInput{
		TableName: &s.tables.Jobs, ConsistentRead: aws.Bool(true),
		KeyConditionExpression:    aws.String("pk = :pk AND sk BETWEEN :first AND :last"),
		ExpressionAttributeValues: item{":pk": str(awaited), ":first": str(dependentKey + after + "!"), ":last": str(dependentKey + "~")}, // around letters and digits
	})
	var ids []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("query %s: %w", s.tables.Jobs, err)
		}
		for _, it := range page.Items {
			if sk, ok := it["sk"].(*types.AttributeValueMemberS); ok {
				ids = append(ids, strings.TrimPrefix(sk.Value, dependentKey))
			}
		}
	}
	return ids, nil
}
