// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListMessageMoveTasks.html
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CancelMessageMoveTask.html

package sqs

import (
	"context"
	"encoding/base64"
	"encoding/json"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

type StartMessageMoveTaskInput struct {
	SourceArn                    string
	DestinationArn               string // empty: each message goes to the queue it came from
	MaxNumberOfMessagesPerSecond *int32 // 1..500
}

type StartMessageMoveTaskOutput struct{ TaskHandle string }

type ListMessageMoveTasksInput struct {
	SourceArn  string
	MaxResults *int32 // 1..10, 1 if absent
}

type ListMessageMoveTasksOutput struct {
	Results []ListMessageMoveTasksResultEntry `json:",omitempty"`
}

type ListMessageMoveTasksResultEntry struct {
	TaskHandle                        string `json:",omitempty"` // while it runs
	Status                            string // RUNNING COMPLETED CANCELLING CANCELLED FAILED
	SourceArn                         string
	DestinationArn                    string `json:",omitempty"`
	MaxNumberOfMessagesPerSecond      *int32 `json:",omitempty"`
	ApproximateNumberOfMessagesMoved  int64
	ApproximateNumberOfMessagesToMove *int64 `json:",omitempty"`
	FailureReason                     string `json:",omitempty"`
	StartedTimestamp                  int64  // ms
}

type CancelMessageMoveTaskInput struct{ TaskHandle string }

type CancelMessageMoveTaskOutput struct {
	ApproximateNumberOfMessagesMoved int64
}

// A moveTask moves the messages of a dead-letter queue to other queues. It is
// stored after each step, so that it continues after a restart.
type moveTask struct {
	ID          string // of the handle
	Source      string // ARN
	Destination string `json:",omitempty"`
	Rate        *int32 `json:",omitempty"` // messages per second
	Status      string
	Moved       int64
	ToMove      int64
	Failure     string `json:",omitempty"`
	Started     int64  // ms
}

const (
	taskRunning   = "RUNNING"
	taskCompleted = "COMPLETED"
	taskCancelled = "CANCELLED"
	taskFailed    = "FAILED"
	maxMoveRate   = 500 // messages per second
	maxTasksKept  = 10  // that have ended, per source
)

func (m *moveTask) handle() string {
	doc, _ := json.Marshal(map[string]string{"taskId": m.ID, "sourceArn": m.Source})
	return base64.StdEncoding.EncodeToString(doc)
}

// StartMessageMoveTask starts to move the messages of a dead-letter queue.
// Errors: ResourceNotFoundException, InvalidParameterValue.
func (e *Engine) StartMessageMoveTask(ctx context.Context, in *StartMessageMoveTaskInput) (*StartMessageMoveTaskOutput, error) {
	source, err := e.checkMove(in)
	if err != nil {
		return nil, err
	}
	m := &moveTask{
		ID: awswire.RequestID(), Source: in.SourceArn, Destination: in.DestinationArn, Rate: in.MaxNumberOfMessagesPerSecond,
		Status: taskRunning, Started: e.now(), ToMove: int64(source.size()),
	}
	pending, err := e.moveTasks.add(m)
	if err != nil {
		return nil, e.toAnswer(err)
	}
	return &StartMessageMoveTaskOutput{TaskHandle: m.handle()}, e.waitDurable(pending)
}

func (q *queue) size() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.advance(q.e.now())
	return q.count - len(q.inFlight)
}

func (e *Engine) checkMove(in *StartMessageMoveTaskInput) (source *queue, err error) {
	if in.SourceArn == "" {
		return nil, errMissing("SourceArn")
	}
	if source = e.queueByARN(in.SourceArn); source == nil {
		return nil, errNotFound("The resource that you specified for the SourceArn parameter doesn't exist.")
	}
	if len(e.queueNames(source.rec.Region, func(q *queue) bool { return q.redriveTarget() == in.SourceArn })) == 0 {
		return nil, errorf(codeInvalidParameter, "Source queue must be configured as a Dead Letter Queue.")
	}
	if r := in.MaxNumberOfMessagesPerSecond; r != nil && (*r < 1 || *r > maxMoveRate) {
		return nil, errValue(*r, "MaxNumberOfMessagesPerSecond", "Must be between 1 and 500, if provided.")
	}
	if in.DestinationArn == "" {
		return source, nil
	}
	destination := e.queueByARN(in.DestinationArn)
	switch {
	case destination == nil:
		return nil, errNotFound("The resource that you specified for the DestinationArn parameter doesn't exist.")
	case destination == source:
		return nil, errorf(codeInvalidParameter, "Source queue arn and destination queue arn cannot be the same.")
	case destination.rec.FIFO != source.rec.FIFO:
		return nil, errorf(codeInvalidParameter, "Source queue and destination queue must be of the same type.")
	}
	return source, nil
}

func errNotFound(message string) error {
	return awswire.Errorf(404, codeNotFound, "%s", message)
}

// ListMessageMoveTasks returns the tasks of a source, the latest first.
func (e *Engine) ListMessageMoveTasks(ctx context.Context, in *ListMessageMoveTasksInput) (*ListMessageMoveTasksOutput, error) {
	limit := 1
	if in.MaxResults != nil {
		if limit = int(*in.MaxResults); limit < 1 || limit > 10 {
			return nil, errValue(limit, "MaxResults", "Must be between 1 and 10, if provided.")
		}
	}
	if e.queueByARN(in.SourceArn) == nil {
		return nil, errNotFound("The resource that you specified for the SourceArn parameter doesn't exist.")
	}
	out := &ListMessageMoveTasksOutput{}
	for _, m := range e.moveTasks.ofSource(in.SourceArn) {
		if len(out.Results) < limit {
			out.Results = append(out.Results, m.entry())
		}
	}
	return out, nil
}

func (m *moveTask) entry() ListMessageMoveTasksResultEntry {
	r := ListMessageMoveTasksResultEntry{
		Status: m.Status, SourceArn: m.Source, DestinationArn: m.Destination, MaxNumberOfMessagesPerSecond: m.Rate,
		ApproximateNumberOfMessagesMoved: m.Moved, ApproximateNumberOfMessagesToMove: &m.ToMove,
		FailureReason: m.Failure, StartedTimestamp: m.Started,
	}
	if m.Status == taskRunning {
		r.TaskHandle = m.handle()
	}
	return r
}

// CancelMessageMoveTask stops a running task. Messages moved before stay moved.
func (e *Engine) CancelMessageMoveTask(ctx context.Context, in *CancelMessageMoveTaskInput) (*CancelMessageMoveTaskOutput, error) {
	var handle struct {
		TaskID    string `json:"taskId"`
		SourceArn string `json:"sourceArn"`
	}
	doc, err := base64.StdEncoding.DecodeString(in.TaskHandle)
	if err != nil || json.Unmarshal(doc, &handle) != nil || handle.TaskID == "" {
		return nil, errorf(codeInvalidParameter, "Value for parameter TaskHandle is invalid.")
	}
	if e.queueByARN(handle.SourceArn) == nil {
		return nil, errNotFound("The resource that you specified for the SourceArn parameter doesn't exist.")
	}
	moved, pending, err := e.moveTasks.cancel(handle.TaskID)
	if err != nil {
		return nil, e.toAnswer(err)
	}
	return &CancelMessageMoveTaskOutput{ApproximateNumberOfMessagesMoved: moved}, e.waitDurable(pending)
}

// move moves up to limit available messages of the source in one batch. It
// returns how many; 0 if none is left.
func (e *Engine) move(m moveTask, limit int) (moved int, err error) {
	if err := e.Begin(); err != nil {
		return 0, err
	}
	defer e.Leave()
	source := e.queueByARN(m.Source)
	if source == nil {
		return 0, errNoQueue()
	}
	for {
		target, err := e.moveTarget(source, m)
		if err != nil || target == nil {
			return 0, err
		}
		moved, err := e.moveTo(source, target, m, limit)
		// None was moved if the first message changed after its target was read.
		if err != nil || moved > 0 || m.Destination != "" {
			return moved, err
		}
	}
}

func (e *Engine) moveTo(source, target *queue, m moveTask, limit int) (moved int, err error) {
	unlock := lockBoth(source, target)
	pending, err := source.transactLocked(func(q *queue, t *txn) error {
		if target.deleted {
			return errNoQueue()
		}
		moved, err = q.moveInto(t, target, limit, m.Destination == "")
		return err
	})
	target.wakeWaiter(e.now())
	unlock()
	if err != nil {
		return 0, err
	}
	return moved, e.waitDurable(pending)
}

// moveInto moves messages to target. With toOrigin, it stops at the first that
// came from another queue. Expired messages are deleted.
func (q *queue) moveInto(t *txn, target *queue, limit int, toOrigin bool) (moved int, err error) {
	q.backlog.take(t.now, func(seq uint64, _ *group) verdict {
		if moved == limit {
			return stop
		}
		s, body, _, readErr := q.loadMessage(seq)
		switch {
		case readErr != nil:
			err = readErr
			return stop
		case q.isExpired(t, s):
			q.expire(seq)
			return dropped
		case toOrigin && s.Source != target.arn():
			return stop
		}
		// AWS treats it as a new message, with a new ID and age.
		body.ID = awswire.RequestID()
		q.deleteBody(t, seq, s)
		q.transfer(t, target, seq, stateRecord{Group: s.Group, Sent: t.now}, body)
		moved++
		return dropped
	})
	return moved, err
}

// moveTarget returns the queue for the source's next message; nil if there is
// no message.
func (e *Engine) moveTarget(source *queue, m moveTask) (*queue, error) {
	arn := m.Destination
	if arn == "" {
		var err error
		if arn, err = source.nextSource(); err != nil || arn == "" {
			return nil, err
		}
	}
	target := e.queueByARN(arn)
	if target == nil || target == source || target.rec.FIFO != source.rec.FIFO {
		return nil, errNoQueue()
	}
	return target, nil
}

// nextSource returns the ARN of the queue that the next message came from; ""
// if there is no message. Error: CouldNotDetermineMessageSource.
func (q *queue) nextSource() (arn string, err error) {
	_, err = q.transact(func(q *queue, t *txn) (readErr error) {
		q.backlog.take(t.now, func(seq uint64, _ *group) verdict {
			s, _, _, err := q.loadState(seq)
			switch {
			case err != nil:
				readErr = err
			case q.isExpired(t, s):
				q.expire(seq)
				return dropped
			case s.Source == "":
				readErr = errorf(codeNoSource, "The message was not moved here by a redrive policy.")
			}
			arn = s.Source
			return stop
		})
		return readErr
	})
	return arn, err
}
