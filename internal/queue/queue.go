// Package queue is the Queue on SQS FIFO: a message is a ticket, its body the
// job's ID, its group the
// job's message group.
package queue

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// Queue is the control.Queue on SQS.
type Queue struct {
	sqs   *sqs.Client
	urls  map[string]string
	bells map[string]string
	log   *slog.Logger
}

var _ control.Queue = (*Queue)(nil)

// New returns a Queue over the SQS queues at urls, which are keyed by the names
// of the job queues; bells are standard queues, by the same keys.
func New(client *sqs.Client, urls, bells map[string]string, log *slog.Logger) *Queue {
	return &Queue{sqs: client, urls: urls, bells: bells, log: log}
}

// maxHide is what SQS allows; maxWait too.
const (
	maxHide = 12 * time.Hour
	maxWait = 20 * time.Second
)

// body is what a ticket's message may hold: a ULID.
var body = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(errand.JobPattern) })

func (q *Queue) url(queue string) (*string, error) {
	url, ok := q.urls[queue]
	if !ok {
		return nil, fmt.Errorf("no SQS queue is configured for %q", queue)
	}
	return &url, nil
}

// Send implements control.Queue.
func (q *Queue) Send(ctx context.Context, queue, groupID, dedupID, jobID string) error {
	url, err := q.url(queue)
	if err != nil {
		return err
	}
	_, err = q.sqs.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl: url, MessageBody: &jobID, MessageGroupId: &groupID, MessageDeduplicationId: &dedupID,
	})
	if err != nil {
		return fmt.Errorf("send the ticket of job %s: %w", jobID, err)
	}
	return nil
}

// Receive implements control.Queue.
func (q *Queue) Receive(ctx context.Context, queue, attemptID string, wait, hold time.Duration) (*control.Ticket, error) {
	url, err := q.url(queue)
	if err != nil {
		return nil, err
	}
	// Without an ID the SDK, trying again after a lost answer, would find the
	// group locked by the ticket that was lost.
	if attemptID == "" {
		attemptID = rand.Text()
	}
	for own := false; ; own = true {
		in := &sqs.ReceiveMessageInput{
			QueueUrl: url, MaxNumberOfMessages: 1, ReceiveRequestAttemptId: &attemptID,
			WaitTimeSeconds: seconds(min(wait, maxWait)), VisibilityTimeout: seconds(min(hold, maxHide)),
		}
		res, err := q.sqs.ReceiveMessage(ctx, in)
		if refused(err) && !own {
			attemptID = rand.Text()
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("receive from %s: %w", queue, err)
		}
		if len(res.Messages) == 0 {
			return nil, nil
		}
		m := res.Messages[0]
		jobID, handle := aws.ToString(m.Body), aws.ToString(m.ReceiptHandle)
		if body().MatchString(jobID) {
			return &control.Ticket{JobID: jobID, Handle: handle}, nil
		}
		q.log.ErrorContext(ctx, "malformed ticket deleted", "queue", queue, "message", aws.ToString(m.MessageId), "body", jobID[:min(len(jobID), 100)])
		if err := q.Delete(ctx, queue, handle); err != nil {
			return nil, err
		}
		attemptID = rand.Text()
	}
}

// refused reports whether SQS would not take the attempt ID.
func refused(err error) bool {
	var apiErr smithy.APIError
	return errors.As(err, &apiErr) && apiErr.ErrorCode() == "InvalidParameterValue"
}

// Hide implements control.Queue.
func (q *Queue) Hide(ctx context.Context, queue, handle string, d time.Duration) error {
	url, err := q.url(queue)
	if err != nil {
		return err
	}
	_, err = q.sqs.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: url, ReceiptHandle: &handle, VisibilityTimeout: seconds(min(d, maxHide)),
	})
	if err != nil {
		return fmt.Errorf("hide a ticket of %s: %w", queue, err)
	}
	return nil
}

// Delete implements control.Queue.
func (q *Queue) Delete(ctx context.Context, queue, handle string) error {
	url, err := q.url(queue)
	if err != nil {
		return err
	}
	_, err = q.sqs.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: &handle})
	if err != nil {
		return fmt.Errorf("delete a ticket of %s: %w", queue, err)
	}
	return nil
}

// Ring implements control.Queue. What rings in vain is gone after the bell's
// retention, a minute.
func (q *Queue) Ring(ctx context.Context, queue string) error {
	url, ok := q.bells[queue]
	if !ok {
		return fmt.Errorf("no bell is configured for %q", queue)
	}
	if _, err := q.sqs.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String(errand.RingText)}); err != nil {
		return fmt.Errorf("ring the bell of %s: %w", queue, err)
	}
	return nil
}

// seconds is d in whole seconds, rounded up: a hold must not end early.
func seconds(d time.Duration) int32 {
	return int32((max(d, 0) + time.Second - 1) / time.Second)
}
