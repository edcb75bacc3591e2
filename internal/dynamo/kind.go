package dynamo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

const (
	waitingIndex = "waiting"
	kindsKey     = "kinds"
	groupKey     = "group"
)

// kindsItem is errand.KindList.
type kindsItem struct {
	PK  string `dynamodbav:"pk"`
	SK  string `dynamodbav:"sk"`
	Rev int    `dynamodbav:"rev"`
	Doc string `dynamodbav:"doc"` // the requirements by their kinds, as JSON
	meta
}

// Kinds implements control.KindStore.
func (s *Store) Kinds(ctx context.Context, queue string, current bool) (*errand.KindList, error) {
	l := &errand.KindList{Queue: queue}
	var i kindsItem
	err := s.getItem(ctx, s.tables.Jobs, key("kinds#"+queue, kindsKey), current, &i)
	if errors.Is(err, control.ErrNotFound) {
		return l, nil
	}
	if err != nil {
		return nil, err
	}
	l.Rev = i.Rev
	if err := json.Unmarshal([]byte(i.Doc), &l.Kinds); err != nil {
		return nil, fmt.Errorf("decode the kinds of queue %s: %w", queue, err)
	}
	return l, nil
}

// PutKinds implements control.KindStore.
func (s *Store) PutKinds(ctx context.Context, l *errand.KindList) error {
	doc, err := json.Marshal(l.Kinds)
	if err != nil {
		return fmt.Errorf("encode the kinds of queue %s: %w", l.Queue, err)
	}
	i := kindsItem{PK: "kinds#" + l.Queue, SK: kindsKey, Rev: l.Rev + 1, Doc: string(doc), meta: meta{Mark: newMark()}}
	if _, err := s.put(ctx, s.tables.Jobs, i, i.Mark, l.Rev); err != nil {
		return err
	}
	l.Rev++
	return nil
}

// WaitingJobs implements control.KindStore.
func (s *Store) WaitingJobs(ctx context.Context, queue, kind string, limit int) ([]string, error) {
	res, err := s.db.Query(ctx, &dynamodb.QueryInput{
		TableName: &s.tables.Jobs, IndexName: aws.String(waitingIndex), Limit: aws.Int32(int32(limit)),
		KeyConditionExpression:    aws.String("waiting = :part"),
		ExpressionAttributeValues: item{":part": str(queue + "#" + kind)},
	})
	if err != nil {
		return nil, fmt.Errorf("query %s of %s: %w", waitingIndex, s.tables.Jobs, err)
	}
	return pks(res.Items), nil
}

// groupItem is errand.Group.
type groupItem struct {
	PK    string `dynamodbav:"pk"`
	SK    string `dynamodbav:"sk"`
	Rev   int    `dynamodbav:"rev"`
	Place string `dynamodbav:"place,omitempty"`
	JobID string `dynamodbav:"jobId"`
	meta
}

// Group implements control.GroupStore.
func (s *Store) Group(ctx context.Context, queue, name string) (*errand.Group, error) {
	g := &errand.Group{Queue: queue, Name: name}
	var i groupItem
	err := s.get(ctx, s.tables.Jobs, key(groupPK(g), groupKey), &i)
	if err != nil && !errors.Is(err, control.ErrNotFound) {
		return nil, err
	}
	g.Place, g.JobID, g.Rev = i.Place, i.JobID, i.Rev
	return g, nil
}

// PutGroup implements control.GroupStore.
func (s *Store) PutGroup(ctx context.Context, g *errand.Group) error {
	i := groupItem{
		PK: groupPK(g), SK: groupKey, Rev: g.Rev + 1, Place: g.Place, JobID: g.JobID,
		meta: meta{Mark: newMark(), TTL: s.clock.Now().Add(openLifetime).Unix()},
	}
	if _, err := s.put(ctx, s.tables.Jobs, i, i.Mark, g.Rev); err != nil {
		return err
	}
	g.Rev++
	return nil
}

func groupPK(g *errand.Group) string { return "group#" + g.Queue + "#" + g.Name }
