package dynamo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// workerItem is errand.Worker: times and durations in milliseconds.
type workerItem struct {
	PK           string            `dynamodbav:"pk"`
	Rev          int               `dynamodbav:"rev"`
	Name         string            `dynamodbav:"name"`
	Owner        string            `dynamodbav:"owner"`
	TokenHash    string            `dynamodbav:"tokenHash"`
	Queues       []string          `dynamodbav:"queues"`
	Slots        int               `dynamodbav:"slots"`
	OS           string            `dynamodbav:"os,omitempty"`
	Arch         string            `dynamodbav:"arch,omitempty"`
	Version      string            `dynamodbav:"version,omitempty"`
	Features     []string          `dynamodbav:"features,omitempty"`
	Labels       map[string]string `dynamodbav:"labels,omitempty"`
	Epoch        int               `dynamodbav:"epoch"`
	RegisteredAt int64             `dynamodbav:"registeredAt"`
	LastSeen     int64             `dynamodbav:"lastSeen"`
	Interval     int64             `dynamodbav:"interval"`
	Draining     bool              `dynamodbav:"draining,omitempty"`
	Stopped      bool              `dynamodbav:"stopped,omitempty"`
	Paused       bool              `dynamodbav:"paused,omitempty"`
	DrainAsked   bool              `dynamodbav:"drain,omitempty"`
	DiskFree     int64             `dynamodbav:"disk,omitempty"`
	DiskCache    int64             `dynamodbav:"diskCache,omitempty"`
	Holds        []holdItem        `dynamodbav:"holds,omitempty"`
	PollID       string            `dynamodbav:"pollId,omitempty"`
	Polled       []holdItem        `dynamodbav:"polled,omitempty"` // what that poll got
	meta
}

type holdItem struct {
	JobID   string `dynamodbav:"j"`
	Attempt int    `dynamodbav:"a"`
}

func newWorkerItem(w *errand.Worker, rev int) workerItem {
	i := workerItem{
		PK: w.ID, Rev: rev, Name: w.Name, Owner: w.Owner, TokenHash: w.TokenHash, Queues: w.Queues, Slots: w.Slots,
		OS: w.OS, Arch: w.Arch, Version: w.Version, Features: w.Features, Labels: w.Labels, Paused: w.Paused, DrainAsked: w.DrainAsked, DiskFree: w.DiskFree, DiskCache: w.DiskCache, Epoch: w.Epoch, RegisteredAt: millis(w.RegisteredAt),
		LastSeen: millis(w.LastSeen), Interval: w.Interval.Milliseconds(), Draining: w.Draining, Stopped: w.Stopped,
		PollID: w.Poll.ID,
		meta:   meta{Mark: newMark(), TTL: w.LastSeen.Add(workerLifetime).Unix()},
	}
	for _, h := range w.Holds {
		i.Holds = append(i.Holds, holdItem{h.JobID, h.Attempt})
	}
	for _, a := range w.Poll.Attempts {
		i.Polled = append(i.Polled, holdItem(a))
	}
	return i
}

func (i *workerItem) worker() *errand.Worker {
	w := &errand.Worker{
		ID: i.PK, Rev: i.Rev, Name: i.Name, Owner: i.Owner, TokenHash: i.TokenHash, Queues: i.Queues, Slots: i.Slots,
		OS: i.OS, Arch: i.Arch, Version: i.Version, Features: i.Features, Labels: i.Labels, Paused: i.Paused, DrainAsked: i.DrainAsked, DiskFree: i.DiskFree, DiskCache: i.DiskCache, Epoch: i.Epoch, RegisteredAt: fromMillis(i.RegisteredAt),
		LastSeen: fromMillis(i.LastSeen), Interval: time.Duration(i.Interval) * time.Millisecond, Draining: i.Draining, Stopped: i.Stopped,
		Poll: errand.Poll{ID: i.PollID},
	}
	for _, h := range i.Holds {
		w.Holds = append(w.Holds, errand.Hold{JobID: h.JobID, Attempt: h.Attempt})
	}
	for _, p := range i.Polled {
		w.Poll.Attempts = append(w.Poll.Attempts, errand.AttemptID{JobID: p.JobID, Attempt: p.Attempt})
	}
	return w
}

// Worker implements control.WorkerStore.
func (s *Store) Worker(ctx context.Context, id string) (*errand.Worker, error) {
	var i workerItem
	if err := s.get(ctx, s.tables.Workers, item{"pk": str(id)}, &i); err != nil {
		return nil, err
	}
	return i.worker(), nil
}

// PutWorker implements control.WorkerStore.
func (s *Store) PutWorker(ctx context.Context, w *errand.Worker) error {
	i := newWorkerItem(w, w.Rev+1)
	stored, err := s.put(ctx, s.tables.Workers, i, i.Mark, w.Rev)
	switch {
	case err == nil:
		w.Rev++
	case errors.Is(err, control.ErrConflict):
		var current workerItem
		if err := s.decode(stored, &current); err != nil {
			return err
		}
		*w = *current.worker()
	}
	return err
}

// DeleteWorker implements control.WorkerStore.
func (s *Store) DeleteWorker(ctx context.Context, w *errand.Worker) error {
	in := &dynamodb.DeleteItemInput{
		TableName: &s.tables.Workers, Key: item{"pk": str(w.ID)},
		ConditionExpression:       aws.String("attribute_not_exists(pk) OR rev = :rev"),
		ExpressionAttributeValues: item{":rev": num(int64(w.Rev))},
	}
	_, err := s.db.DeleteItem(ctx, in)
	var failed *types.ConditionalCheckFailedException
	if errors.As(err, &failed) {
		return control.ErrConflict
	}
	return wrap(err, "delete from "+s.tables.Workers)
}

// Workers implements control.WorkerStore.
func (s *Store) Workers(ctx context.Context, cursor string, limit int) ([]errand.Worker, string, error) {
	n := int32(limit)
	in := &dynamodb.ScanInput{TableName: &s.tables.Workers, Limit: &n}
	if cursor != "" {
		in.ExclusiveStartKey = item{"pk": str(cursor)}
	}
	res, err := s.db.Scan(ctx, in)
	if err != nil {
		return nil, "", fmt.Errorf("scan %s: %w", s.tables.Workers, err)
	}
	var workers []errand.Worker
	for _, it := range res.Items {
		var i workerItem
		if pks([]item{it})[0] != queueListKey && s.decode(it, &i) == nil {
			workers = append(workers, *i.worker())
		}
	}
	var next string
	if last := pks([]item{res.LastEvaluatedKey}); len(last) > 0 {
		next = last[0]
	}
	return workers, next, nil
}
