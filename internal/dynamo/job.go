package dynamo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

const (
	specKey  = "spec"
	stateKey = "state"
)

// specItem is the item that is written once.
type specItem struct {
	PK      string `dynamodbav:"pk"`
	SK      string `dynamodbav:"sk"`
	Doc     string `dynamodbav:"doc"` // errand.Spec as JSON
	ByOwner string `dynamodbav:"ownerMonth"`
	ByMonth string `dynamodbav:"month"`
	meta
}

func newSpecItem(spec *errand.Spec) (specItem, error) {
	doc, err := json.Marshal(spec)
	if err != nil {
		return specItem{}, fmt.Errorf("encode job %s: %w", spec.ID, err)
	}
	month := monthOf(spec.CreatedAt)
	return specItem{
		PK: spec.ID, SK: specKey, Doc: string(doc),
		ByOwner: ownerMonth(spec.Owner, month, shard(spec.ID)), ByMonth: month + "#" + shard(spec.ID),
		meta: meta{Mark: newMark(), TTL: spec.CreatedAt.Add(specLifetime).Unix()},
	}, nil
}

func (i *specItem) spec() (*errand.Spec, error) {
	var spec errand.Spec
	if err := json.Unmarshal([]byte(i.Doc), &spec); err != nil {
		return nil, fmt.Errorf("decode job %s: %w", i.PK, err)
	}
	return &spec, nil
}

// stateItem is errand.StateRecord: times in milliseconds, durations in seconds.
type stateItem struct {
	PK          string     `dynamodbav:"pk"`
	SK          string     `dynamodbav:"sk"`
	Rev         int        `dynamodbav:"rev"`
	Owner       string     `dynamodbav:"owner"`
	Queue       string     `dynamodbav:"queue"`
	GroupID     string     `dynamodbav:"lane"` // SQS message group
	Kind        string     `dynamodbav:"kind,omitempty"`
	Status      string     `dynamodbav:"status"`
	Reason      string     `dynamodbav:"reason,omitempty"`
	Error       string     `dynamodbav:"error,omitempty"`
	ExitCode    *int       `dynamodbav:"exitCode,omitempty"`
	Attempt     int        `dynamodbav:"attempt"`
	Tries       int        `dynamodbav:"tries,omitempty"`
	MaxAttempts int        `dynamodbav:"maxAttempts"`
	RetryOnExit []int      `dynamodbav:"retryOn,omitempty"`
	MaxTries    int        `dynamodbav:"maxTries,omitempty"`
	Accepted    bool       `dynamodbav:"accepted,omitempty"`
	Unheard     bool       `dynamodbav:"unheard,omitempty"` // accepted, and not heard of yet
	Epoch       int        `dynamodbav:"epoch,omitempty"`
	Worker      string     `dynamodbav:"worker,omitempty"`
	WorkerName  string     `dynamodbav:"workerName,omitempty"`
	Past        []pastItem `dynamodbav:"past,omitempty"`
	Poll        string     `dynamodbav:"poll,omitempty"`
	Handle      string     `dynamodbav:"handle,omitempty"`
	LeaseUntil  int64      `dynamodbav:"leaseUntil,omitempty"`
	Lease       int64      `dynamodbav:"lease"`
	HoldUntil   int64      `dynamodbav:"holdUntil,omitempty"`
	Cancel      bool       `dynamodbav:"cancel,omitempty"`
	Held        bool       `dynamodbav:"held,omitempty"`
	ReleasedAt  int64      `dynamodbav:"releasedAt,omitempty"`
	Dependents  bool       `dynamodbav:"dependents,omitempty"`
	SettledTo   string     `dynamodbav:"settledTo,omitempty"`
	Watched     int64      `dynamodbav:"watched,omitempty"`
	CreatedAt   int64      `dynamodbav:"createdAt"`
	StartedAt   int64      `dynamodbav:"startedAt,omitempty"`
	FinishedAt  int64      `dynamodbav:"finishedAt,omitempty"`
	LogBytes    int64      `dynamodbav:"logBytes,omitempty"`
	Result      string     `dynamodbav:"result,omitempty"` // errand.Result as JSON, if it is small
	// Sparse index keys. A fresh job has neither Active nor Due.
	Fresh   string `dynamodbav:"fresh,omitempty"`   // queue#shard
	Active  string `dynamodbav:"active,omitempty"`  // queue#shard
	Due     string `dynamodbav:"due,omitempty"`     // shard
	Waiting string `dynamodbav:"waiting,omitempty"` // queue#kind
	DueAt   int64  `dynamodbav:"dueAt,omitempty"`
	meta
}

// pastItem is an errand.JobAttempt that ended, with short names: a state is billed by its
// size.
type pastItem struct {
	Attempt int    `dynamodbav:"n"`
	Worker  string `dynamodbav:"w"`
	Name    string `dynamodbav:"m,omitempty"`
	Started int64  `dynamodbav:"s"`
	Ended   int64  `dynamodbav:"e"`
	Reason  string `dynamodbav:"r,omitempty"`
	Error   string `dynamodbav:"x,omitempty"`
}

func newPastItems(past []errand.JobAttempt) []pastItem {
	var items []pastItem
	for _, a := range past {
		items = append(items, pastItem{a.Attempt, a.WorkerID, a.WorkerName, millis(a.StartedAt), millis(a.EndedAt), string(a.Reason), a.Error})
	}
	return items
}

func pastAttempts(items []pastItem) []errand.JobAttempt {
	var past []errand.JobAttempt
	for _, i := range items {
		past = append(past, errand.JobAttempt{
			Attempt: i.Attempt, WorkerID: i.Worker, WorkerName: i.Name, StartedAt: fromMillis(i.Started), EndedAt: fromMillis(i.Ended),
			Reason: errand.Reason(i.Reason), Error: i.Error,
		})
	}
	return past
}

func newStateItem(s errand.StateRecord, rev int) (stateItem, error) {
	result, err := encodeResult(s.Result)
	if err != nil {
		return stateItem{}, fmt.Errorf("encode the result of job %s: %w", s.JobID, err)
	}
	i := stateItem{
		PK: s.JobID, SK: stateKey, Rev: rev, Owner: s.Owner, Queue: s.Queue, GroupID: s.MessageGroupID, Kind: s.Kind, Status: string(s.Status),
		Reason: string(s.Reason), Error: s.Error, ExitCode: s.ExitCode, Attempt: s.Attempt, Tries: s.Tries,
		MaxAttempts: s.MaxAttempts, RetryOnExit: s.RetryOnExit, MaxTries: s.MaxTries, Accepted: s.Accepted, Unheard: s.Accepted && !s.Heard, Epoch: s.Epoch, Worker: s.WorkerID, WorkerName: s.WorkerName, Past: newPastItems(s.Past), Poll: s.PollID, Handle: s.Handle,
		LeaseUntil: millis(s.LeaseUntil), Lease: int64(s.Lease / time.Second), HoldUntil: millis(s.HiddenUntil),
		Cancel: s.CancelRequested, Held: s.Held, ReleasedAt: millis(s.ReleasedAt), Dependents: s.Dependents, SettledTo: s.SettledTo, Watched: millis(s.WatchedUntil), CreatedAt: millis(s.CreatedAt),
		StartedAt: millis(s.StartedAt), FinishedAt: millis(s.FinishedAt), LogBytes: s.LogBytes, Result: result,
		DueAt: millis(s.DueAt), meta: meta{Mark: newMark(), TTL: s.CreatedAt.Add(openLifetime).Unix()},
	}
	if !s.StartedAt.IsZero() {
		i.TTL = s.StartedAt.Add(openLifetime).Unix()
	}
	if s.Status.Terminal() {
		i.TTL = s.FinishedAt.Add(finishedLifetime).Unix()
	}
	i.index(s)
	return i, nil
}

// index sets the keys of the sparse indexes that the job is in.
func (i *stateItem) index(s errand.StateRecord) {
	part := activePart(s.Queue, s.Held, shard(s.JobID))
	switch {
	case s.Fresh:
		i.Fresh = part
	case !s.Status.Terminal():
		i.Active = part
	}
	if !s.Fresh && !s.DueAt.IsZero() {
		i.Due = shard(s.JobID)
	}
	if s.Waiting {
		i.Waiting = s.Queue + "#" + s.Kind
	}
}

func (i *stateItem) state() (*errand.State, error) {
	result, err := decodeResult(i.Result)
	if err != nil {
		return nil, fmt.Errorf("decode the result of job %s: %w", i.PK, err)
	}
	return errand.LoadState(errand.StateRecord{
		JobID: i.PK, Rev: i.Rev, Owner: i.Owner, Queue: i.Queue, MessageGroupID: i.GroupID, Kind: i.Kind, Waiting: i.Waiting != "", Status: errand.Status(i.Status),
		Reason: errand.Reason(i.Reason), Error: i.Error, ExitCode: i.ExitCode, Attempt: i.Attempt, Tries: i.Tries,
		MaxAttempts: i.MaxAttempts, RetryOnExit: i.RetryOnExit, MaxTries: i.MaxTries, Accepted: i.Accepted, Heard: i.Accepted && !i.Unheard, Epoch: i.Epoch, WorkerID: i.Worker, WorkerName: i.WorkerName, Past: pastAttempts(i.Past), PollID: i.Poll, Handle: i.Handle,
		LeaseUntil: fromMillis(i.LeaseUntil), Lease: time.Duration(i.Lease) * time.Second, HiddenUntil: fromMillis(i.HoldUntil),
		CancelRequested: i.Cancel, Held: i.Held, ReleasedAt: fromMillis(i.ReleasedAt), Dependents: i.Dependents, SettledTo: i.SettledTo, WatchedUntil: fromMillis(i.Watched), CreatedAt: fromMillis(i.CreatedAt),
		StartedAt: fromMillis(i.StartedAt), FinishedAt: fromMillis(i.FinishedAt), LogBytes: i.LogBytes,
		DueAt: fromMillis(i.DueAt), Fresh: i.Fresh != "", Result: result,
	}), nil
}

func encodeResult(r *errand.Result) (string, error) {
	if r == nil {
		return "", nil
	}
	doc, err := json.Marshal(r)
	return string(doc), err
}

func decodeResult(doc string) (*errand.Result, error) {
	if doc == "" {
		return nil, nil
	}
	var r errand.Result
	return &r, json.Unmarshal([]byte(doc), &r)
}

// CreateJob implements control.JobStore.
func (s *Store) CreateJob(ctx context.Context, spec *errand.Spec, state *errand.State) error {
	si, err := newSpecItem(spec)
	if err != nil {
		return err
	}
	i, err := newStateItem(state.Record(), 1)
	if err != nil {
		return err
	}
	var specExists bool
	var specErr error
	var wg sync.WaitGroup
	wg.Go(func() { specExists, specErr = s.create(ctx, si, si.Mark) })
	stateExists, err := s.create(ctx, i, i.Mark)
	wg.Wait()
	switch {
	case err != nil || specErr != nil:
		return errors.Join(err, specErr)
	case specExists && stateExists:
		return control.ErrExists
	}
	state.Saved()
	return nil
}

// create writes an item, unless it exists.
func (s *Store) create(ctx context.Context, rec any, mark string) (exists bool, err error) {
	_, err = s.put(ctx, s.tables.Jobs, rec, mark, 0)
	if errors.Is(err, control.ErrConflict) {
		return true, nil
	}
	return false, err
}

// Job implements control.JobStore: one query, for spec and state sort next to
// each other, behind the results.
func (s *Store) Job(ctx context.Context, id string) (*errand.Spec, *errand.State, error) {
	res, err := s.db.Query(ctx, &dynamodb.QueryInput{
		TableName: &s.tables.Jobs, ConsistentRead: aws.Bool(true),
		KeyConditionExpression:    aws.String("pk = :pk AND sk BETWEEN :spec AND :state"),
		ExpressionAttributeValues: item{":pk": str(id), ":spec": str(specKey), ":state": str(stateKey)},
	})
	if err != nil {
		return nil, nil, fmt.Errorf("query %s: %w", s.tables.Jobs, err)
	}
	if len(res.Items) != 2 {
		return nil, nil, control.ErrNotFound
	}
	return s.decodeJob(res.Items[0], res.Items[1])
}

func (s *Store) decodeJob(specIt, stateIt item) (*errand.Spec, *errand.State, error) {
	var si specItem
	var ti stateItem
	if err := s.decode(specIt, &si); err != nil {
		return nil, nil, err
	}
	if err := s.decode(stateIt, &ti); err != nil {
		return nil, nil, err
	}
	spec, err := si.spec()
	if err != nil {
		return nil, nil, err
	}
	state, err := ti.state()
	return spec, state, err
}

// State implements control.JobStore.
func (s *Store) State(ctx context.Context, id string) (*errand.State, error) {
	var i stateItem
	if err := s.get(ctx, s.tables.Jobs, key(id, stateKey), &i); err != nil {
		return nil, err
	}
	return i.state()
}

// PutState implements control.JobStore.
func (s *Store) PutState(ctx context.Context, st *errand.State) error {
	r := st.Record()
	i, err := newStateItem(r, r.Rev+1)
	if err != nil {
		return err
	}
	if _, err := s.put(ctx, s.tables.Jobs, i, i.Mark, r.Rev); err != nil {
		return err
	}
	st.Saved()
	return nil
}

// resultItem is what an attempt reported.
type resultItem struct {
	PK  string `dynamodbav:"pk"`
	SK  string `dynamodbav:"sk"`
	Doc string `dynamodbav:"doc"` // errand.Result as JSON
	meta
}

func resultKey(attempt int) string { return fmt.Sprintf("result#%04d", attempt) }

// PutResult implements control.JobStore.
func (s *Store) PutResult(ctx context.Context, jobID string, attempt int, r *errand.Result) error {
	doc, err := encodeResult(r)
	if err != nil {
		return fmt.Errorf("encode the result of job %s: %w", jobID, err)
	}
	return s.overwrite(ctx, s.tables.Jobs, resultItem{
		PK: jobID, SK: resultKey(attempt), Doc: doc,
		meta: meta{TTL: s.clock.Now().Add(finishedLifetime).Unix()},
	})
}

// Result implements control.JobStore.
func (s *Store) Result(ctx context.Context, jobID string, attempt int) (*errand.Result, error) {
	var i resultItem
	if err := s.get(ctx, s.tables.Jobs, key(jobID, resultKey(attempt)), &i); err != nil {
		return nil, err
	}
	r, err := decodeResult(i.Doc)
	if err != nil {
		return nil, fmt.Errorf("decode the result of job %s: %w", jobID, err)
	}
	return r, nil
}
