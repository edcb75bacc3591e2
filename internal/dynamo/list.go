package dynamo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/oklog/ulid/v2"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/backoff"
	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/internal/control"
)

// The indexes of the jobs table, as template.yaml names them.
const (
	byOwnerIndex = "byOwner"
	byMonthIndex = "byMonth"
	freshIndex   = "fresh"
	activeIndex  = "active"
	dueIndex     = "due"
)

const (
	listMonths = 4    // back from now: older jobs are found by their IDs alone
	batchJobs  = 50   // of spec and state each: BatchGetItem takes 100 keys
	maxScanned = 1000 // jobs that one page looks at for a filter
)

func monthOf(t time.Time) string { return t.UTC().Format("200601") }

func ownerMonth(owner, month, shard string) string { return owner + "#" + month + "#" + shard }

// Jobs implements control.JobLister. It reads at most maxScanned jobs for a page.
func (s *Store) Jobs(ctx context.Context, f control.JobFilter) (control.JobPage, error) {
	var page control.JobPage
	since, before := firstID(f.Since), f.Cursor
	if until := firstID(f.Until); until != "" && (before == "" || until < before) {
		before = until
	}
	for scanned := 0; scanned < maxScanned; {
		ids, err := s.ids(ctx, f, before)
		if err != nil {
			return page, err
		}
		jobs, err := s.batchGet(ctx, ids)
		if err != nil {
			return page, err
		}
		for _, id := range ids {
			if id < since {
				return page, nil
			}
			before = id
			scanned++
			if job, ok := jobs[id]; ok && matches(f, job) {
				page.Jobs = append(page.Jobs, job)
			}
			if len(page.Jobs) == f.Limit {
				page.Next = before
				return page, nil
			}
		}
		if len(ids) < batchJobs {
			return page, nil
		}
	}
	page.Next = before
	return page, nil
}

// firstID is the lowest ID of a job that was created at a time; empty for the zero time.
func firstID(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	var id ulid.ULID
	_ = id.SetTime(uint64(min(max(t.UnixMilli(), 0), int64(ulid.MaxTime())))) // it is within what a ULID holds
	return id.String()
}

// matches looks at the owner, too: the index of active jobs has those of all.
func matches(f control.JobFilter, j errand.Job) bool {
	return (f.Owner == "" || j.Spec.Owner == f.Owner) && (f.Queue == "" || j.Spec.Queue == f.Queue) && (f.Status == "" || j.State.View(f.Now).Status == f.Status)
}

// ids lists up to batchJobs IDs that are older than before ("": from now), newest first.
func (s *Store) ids(ctx context.Context, f control.JobFilter, before string) ([]string, error) {
	if f.Schedule != (errand.ScheduleKey{}) {
		return s.scheduleJobs(ctx, f.Schedule, before, batchJobs)
	}
	if f.Status == errand.Pending || f.Status == errand.Running { // few of all, so that an index holds just these
		return s.activeIDs(ctx, f, before, batchJobs)
	}
	return s.createdIDs(ctx, f, before, batchJobs)
}

// activeIDs are the IDs of jobs that are not over: fresh ones are read first, as in
// ActiveJobs.
func (s *Store) activeIDs(ctx context.Context, f control.JobFilter, before string, n int) ([]string, error) {
	queues := f.Queues
	if f.Queue != "" {
		queues = []string{f.Queue}
	}
	sources := []struct {
		index string
		held  bool
	}{{freshIndex, false}, {activeIndex, false}, {activeIndex, true}}
	if f.Status == errand.Running {
		sources = sources[:2]
	}
	var found []string
	for _, q := range queues {
		for i := range len(sources) * shards {
			src := sources[i/shards]
			some, err := s.queryIDs(ctx, src.index, src.index, activePart(q, src.held, strconv.Itoa(i%shards)), before, n)
			if err != nil {
				return nil, err
			}
			found = append(found, some...)
		}
	}
	return newest(found, n), nil
}

// activePart is the partition of the index of active jobs. Held jobs, which no worker is
// given, are apart, so that the others are counted without reading them.
func activePart(queue string, held bool, shard string) string {
	if held {
		queue += "+held" // "+" is in no queue's name
	}
	return queue + "#" + shard
}

// newest returns the n newest IDs, newest first, each once.
func newest(ids []string, n int) []string {
	slices.SortFunc(ids, func(a, b string) int { return cmp.Compare(b, a) })
	ids = slices.Compact(ids)
	return ids[:min(n, len(ids))]
}

// createdIDs are the IDs of all jobs of the last months.
func (s *Store) createdIDs(ctx context.Context, f control.JobFilter, before string, n int) ([]string, error) {
	month, err := startMonth(f.Now, before)
	if err != nil {
		return nil, err
	}
	oldest := f.Now.AddDate(0, -listMonths, 0)
	var ids []string
	for ; len(ids) < n && month.After(oldest); month = month.AddDate(0, -1, 0) {
		var found []string
		for sh := range shards {
			index, attribute, part := byMonthIndex, "month", monthOf(month)+"#"+strconv.Itoa(sh)
			if f.Owner != "" {
				index, attribute, part = byOwnerIndex, "ownerMonth", ownerMonth(f.Owner, monthOf(month), strconv.Itoa(sh))
			}
			some, err := s.queryIDs(ctx, index, attribute, part, before, n)
			if err != nil {
				return nil, err
			}
			found = append(found, some...)
		}
		ids = append(ids, newest(found, n)...)
	}
	return ids[:min(n, len(ids))], nil
}

// startMonth is the first day of the month that a list begins in.
func startMonth(now time.Time, before string) (time.Time, error) {
	t := now
	if before != "" {
		id, err := ulid.ParseStrict(before)
		if err != nil {
			return t, fmt.Errorf("cursor: %w", err)
		}
		if at := id.Timestamp(); at.Before(now) { // one from the future would go through all months till now
			t = at
		}
	}
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC), nil
}

// queryIDs are the n newest IDs of a partition of an index that are older than before.
func (s *Store) queryIDs(ctx context.Context, index, attribute, part, before string, n int) ([]string, error) {
	in := &dynamodb.QueryInput{
		TableName: &s.tables.Jobs, IndexName: &index, ScanIndexForward: aws.Bool(false), Limit: aws.Int32(int32(n)),
		KeyConditionExpression:    aws.String("#part = :part"),
		ExpressionAttributeNames:  map[string]string{"#part": attribute},
		ExpressionAttributeValues: item{":part": str(part)},
	}
	if before != "" {
		in.KeyConditionExpression = aws.String("#part = :part AND pk < :before")
		in.ExpressionAttributeValues[":before"] = str(before)
	}
	res, err := s.db.Query(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("query %s of %s: %w", index, s.tables.Jobs, err)
	}
	return pks(res.Items), nil
}

func pks(items []item) []string { return textsOf(items, "pk") }

// batchGet reads spec and state of up to batchJobs jobs. Those that are gone, or not
// whole, are left out.
func (s *Store) batchGet(ctx context.Context, ids []string) (map[string]errand.Job, error) {
	keys := make([]item, 0, 2*len(ids))
	for _, id := range ids {
		keys = append(keys, key(id, specKey), key(id, stateKey))
	}
	items, err := s.getItems(ctx, keys)
	if err != nil {
		return nil, err
	}
	specs, states := map[string]item{}, map[string]item{}
	for _, it := range items {
		into := specs
		if sk, ok := it["sk"].(*types.AttributeValueMemberS); ok && sk.Value == stateKey {
			into = states
		}
		into[pks([]item{it})[0]] = it
	}
	return s.joinJobs(specs, states)
}

// getItems reads up to batchKeys items of the jobs table, in no order. Those that are not
// there are left out.
func (s *Store) getItems(ctx context.Context, keys []item) ([]item, error) {
	var items []item
	wait := backoff.Policy{Min: 20 * time.Millisecond, Max: time.Second}
	for n := 1; len(keys) > 0; n++ {
		res, err := s.db.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
			RequestItems: map[string]types.KeysAndAttributes{s.tables.Jobs: {Keys: keys}},
		})
		if err != nil {
			return nil, fmt.Errorf("batch get from %s: %w", s.tables.Jobs, err)
		}
		items = append(items, res.Responses[s.tables.Jobs]...)
		keys = res.UnprocessedKeys[s.tables.Jobs].Keys
		if len(keys) == 0 {
			break
		}
		if err := clock.Sleep(ctx, clock.Real(), wait.Delay(n, 0)); err != nil {
			return nil, err
		}
	}
	return items, nil
}

func (s *Store) joinJobs(specs, states map[string]item) (map[string]errand.Job, error) {
	jobs := make(map[string]errand.Job, len(states))
	for id, stateIt := range states {
		spec, state, err := s.decodeJob(specs[id], stateIt)
		if errors.Is(err, control.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		jobs[id] = errand.Job{Spec: *spec, State: state.Record()}
	}
	return jobs, nil
}
