package dynamo

import (
	"context"
	"errors"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// queueListKey is in the table of workers, which all functions read. It is no worker's
// ID.
const queueListKey = "#queues"

// queueListItem is errand.QueueList.
type queueListItem struct {
	PK     string      `dynamodbav:"pk"`
	Rev    int         `dynamodbav:"rev"`
	Queues []queueItem `dynamodbav:"queues"`
	meta
}

type queueItem struct {
	Name      string `dynamodbav:"n"`
	Deployed  bool   `dynamodbav:"d,omitempty"`
	Paused    bool   `dynamodbav:"p,omitempty"`
	Deleting  bool   `dynamodbav:"x,omitempty"`
	CreatedAt int64  `dynamodbav:"c,omitempty"`
}

// QueueList implements control.QueueStore.
func (s *Store) QueueList(ctx context.Context, current bool) (*errand.QueueList, error) {
	var i queueListItem
	err := s.getItem(ctx, s.tables.Workers, item{"pk": str(queueListKey)}, current, &i)
	if err != nil && !errors.Is(err, control.ErrNotFound) {
		return nil, err
	}
	l := &errand.QueueList{Rev: i.Rev}
	for _, q := range i.Queues {
		l.Queues = append(l.Queues, errand.Queue{Name: q.Name, Deployed: q.Deployed, Paused: q.Paused, Deleting: q.Deleting, CreatedAt: fromMillis(q.CreatedAt)})
	}
	return l, nil
}

// PutQueueList implements control.QueueStore.
func (s *Store) PutQueueList(ctx context.Context, l *errand.QueueList) error {
	i := queueListItem{PK: queueListKey, Rev: l.Rev + 1, Queues: []queueItem{}, meta: meta{Mark: newMark()}}
	for _, q := range l.Queues {
		i.Queues = append(i.Queues, queueItem{q.Name, q.Deployed, q.Paused, q.Deleting, millis(q.CreatedAt)})
	}
	if _, err := s.put(ctx, s.tables.Workers, i, i.Mark, l.Rev); err != nil {
		return err
	}
	l.Rev++
	return nil
}
