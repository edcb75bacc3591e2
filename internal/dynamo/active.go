package dynamo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// batchKeys is how many items BatchGetItem takes.
const batchKeys = 100

// ActiveJobs implements control.ActiveJobs: the oldest of each shard, at once, merged.
// A job goes from fresh to active, so that is read last, to miss none.
func (s *Store) ActiveJobs(ctx context.Context, queue, before string, limit int) ([]string, error) {
	var found [shards][]string
	var errs [shards]error
	var wg sync.WaitGroup
	for sh := range shards {
		wg.Go(func() {
			part := activePart(queue, false, strconv.Itoa(sh))
			for _, index := range []string{freshIndex, activeIndex} {
				ids, err := s.oldestIDs(ctx, index, part, before, limit)
				found[sh], errs[sh] = append(found[sh], ids...), errors.Join(errs[sh], err)
			}
		})
	}
	wg.Wait()
	ids := slices.Concat(found[:]...)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	return ids[:min(len(ids), limit)], errors.Join(errs[:]...)
}

// oldestIDs are the oldest IDs of a partition of fresh or active jobs. The index and its
// attribute have one name.
func (s *Store) oldestIDs(ctx context.Context, index, part, before string, limit int) ([]string, error) {
	in := &dynamodb.QueryInput{
		TableName: &s.tables.Jobs, IndexName: &index,
		KeyConditionExpression:    aws.String("#part = :part"),
		ExpressionAttributeNames:  map[string]string{"#part": index},
		ExpressionAttributeValues: item{":part": str(part)},
	}
	if before != "" {
		in.KeyConditionExpression = aws.String("#part = :part AND pk < :before")
		in.ExpressionAttributeValues[":before"] = str(before)
	}
	var ids []string
	for {
		in.Limit = aws.Int32(int32(limit - len(ids)))
		page, err := s.db.Query(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("query %s of %s: %w", index, s.tables.Jobs, err)
		}
		ids = append(ids, pks(page.Items)...)
		if in.ExclusiveStartKey = page.LastEvaluatedKey; len(in.ExclusiveStartKey) == 0 || len(ids) >= limit {
			return ids, nil
		}
	}
}

// States implements control.ActiveJobs.
func (s *Store) States(ctx context.Context, ids []string) (map[string]errand.StateRecord, error) {
	states := make(map[string]errand.StateRecord, len(ids))
	for some := range slices.Chunk(ids, batchKeys) {
		keys := make([]item, 0, len(some))
		for _, id := range some {
			keys = append(keys, key(id, stateKey))
		}
		items, err := s.getItems(ctx, keys)
		if err != nil {
			return nil, err
		}
		for _, it := range items {
			if err := s.addState(states, it); err != nil {
				return nil, err
			}
		}
	}
	return states, nil
}

func (s *Store) addState(states map[string]errand.StateRecord, it item) error {
	var i stateItem
	err := s.decode(it, &i)
	if errors.Is(err, control.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	st, err := i.state()
	if err == nil {
		states[i.PK] = st.Record()
	}
	return err
}

// JobsOf implements control.ActiveJobs.
func (s *Store) JobsOf(ctx context.Context, ids []string) (map[string]errand.Job, error) {
	jobs := make(map[string]errand.Job, len(ids))
	for some := range slices.Chunk(ids, batchJobs) {
		page, err := s.batchGet(ctx, some)
		if err != nil {
			return nil, err
		}
		for id, job := range page {
			jobs[id] = job
		}
	}
	return jobs, nil
}
