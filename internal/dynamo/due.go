package dynamo

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/errandhq/errand/internal/control"
)

const (
	// duePage and freshPage are how many entries are read at a time.
	duePage   = 100
	freshPage = 1000
)

// A dueSource returns its next page. It has more while there may be another.
type dueSource func(context.Context) (page []item, more bool, err error)

// Due implements control.DueRecords. It takes pages of all sources in turn, so that none
// waits for the end of another.
func (s *Store) Due(ctx context.Context, t time.Time, f func(control.DueRecord) bool) error {
	sources := s.dueSources(t)
	var errs []error
	for len(sources) > 0 {
		var left []dueSource
		for _, next := range sources {
			page, more, err := next(ctx)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			for _, it := range page {
				if !f(dueRecord(it)) {
					return errors.Join(errs...)
				}
			}
			if more {
				left = append(left, next)
			}
		}
		sources = left
	}
	return errors.Join(errs...)
}

func (s *Store) dueSources(t time.Time) []dueSource {
	var all []dueSource
	for sh := range shards {
		all = append(all, s.dueIn(strconv.Itoa(sh), t))
	}
	return append(all, s.freshDue(t))
}

// dueIn reads a shard of the index due, oldest first.
func (s *Store) dueIn(shard string, t time.Time) dueSource {
	pages := dynamodb.NewQueryPaginator(s.db, &dynamodb.QueryInput{
		TableName: &s.tables.Jobs, IndexName: aws.String(dueIndex), Limit: aws.Int32(duePage),
		KeyConditionExpression:    aws.String("due = :shard AND dueAt <= :t"),
		ExpressionAttributeValues: item{":shard": str(shard), ":t": num(t.UnixMilli())},
	})
	return func(ctx context.Context) ([]item, bool, error) {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, false, fmt.Errorf("query %s of %s: %w", dueIndex, s.tables.Jobs, err)
		}
		return page.Items, pages.HasMorePages(), nil
	}
}

// freshDue reads the whole index of fresh jobs each time. It needs no cursor, so it misses
// no entry that comes late, and no list of queues, so it finds the jobs of deleted ones.
func (s *Store) freshDue(t time.Time) dueSource {
	pages := dynamodb.NewScanPaginator(s.db, &dynamodb.ScanInput{
		TableName: &s.tables.Jobs, IndexName: aws.String(freshIndex), Limit: aws.Int32(freshPage),
		FilterExpression: aws.String("dueAt <= :t"), ExpressionAttributeValues: item{":t": num(t.UnixMilli())},
	})
	return func(ctx context.Context) ([]item, bool, error) {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, false, fmt.Errorf("scan %s of %s: %w", freshIndex, s.tables.Jobs, err)
		}
		return page.Items, pages.HasMorePages(), nil
	}
}
