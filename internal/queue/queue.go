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
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// Config says which SQS queues there are.
type Config struct {
	URLs map[string]string // the deployment's FIFO queues, by the names of the job queues
	Bell string            // URL of the bell, a standard queue; empty: there is none
	// Prefix begins the SQS names of the queues that people make, beside the queue
	// "default".
	Prefix string
	// Standard makes them without high throughput: see QueueThroughput in template.yaml.
	Standard bool
}

// Queue is the control.Queue on SQS.
type Queue struct {
	Config
	sqs   *sqs.Client
	log   *slog.Logger
	limit *control.Limit
}

var _ control.Queue = (*Queue)(nil)

// New returns a Queue over the SQS queues of c.
func New(client *sqs.Client, c Config, log *slog.Logger) *Queue {
	return &Queue{Config: c, sqs: client, log: log}
}

// WithLimit makes the Queue call SQS within the limit, except where it waits for a ticket.
// It returns q.
func (q *Queue) WithLimit(l *control.Limit) *Queue {
	q.limit = l
	return q
}

// What SQS allows.
const (
	maxHide  = 12 * time.Hour
	maxWait  = 20 * time.Second
	maxCount = errand.MaxTake
)

// body is what a ticket's message may hold: a ULID.
var body = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(errand.JobPattern) })

// url returns the URL of the job queue's SQS queue. One that people made is beside the
// deployment's: URLs of SQS end in account/name.
func (q *Queue) url(queue string) *string {
	url, ok := q.URLs[queue]
	if !ok {
		beside := q.URLs[errand.DefaultQueue]
		url = beside[:strings.LastIndexByte(beside, '/')+1] + q.sqsName(queue)
	}
	return &url
}

func (q *Queue) sqsName(queue string) string { return q.Prefix + queue + ".fifo" }

// Send implements control.Queue.
func (q *Queue) Send(ctx context.Context, queue, groupID, dedupID, jobID string) error {
	url := q.url(queue)
	in := &sqs.SendMessageInput{
		QueueUrl: url, MessageBody: &jobID, MessageGroupId: &groupID, MessageDeduplicationId: &dedupID,
	}
	_, err := control.Limited(ctx, q.limit, func() (*sqs.SendMessageOutput, error) { return q.sqs.SendMessage(ctx, in) })
	if isGone(err) {
		err = errors.Join(control.ErrNotFound, err)
	}
	if err != nil {
		return fmt.Errorf("send the ticket of job %s: %w", jobID, err)
	}
	return nil
}

// Receive implements control.Queue.
func (q *Queue) Receive(ctx context.Context, queue, attemptID string, count int, wait, hold time.Duration) ([]control.Ticket, error) {
	// Without an ID the SDK, trying again after a lost answer, would find the
	// group locked by the ticket that was lost.
	if attemptID == "" {
		attemptID = rand.Text()
	}
	limit := q.limit
	if wait > 0 {
		limit = nil
	}
	for own := false; ; own = true {
		in := &sqs.ReceiveMessageInput{
			QueueUrl: q.url(queue), MaxNumberOfMessages: int32(min(count, maxCount)), ReceiveRequestAttemptId: &attemptID,
			WaitTimeSeconds: seconds(min(wait, maxWait)), VisibilityTimeout: seconds(min(hold, maxHide)),
		}
		res, err := control.Limited(ctx, limit, func() (*sqs.ReceiveMessageOutput, error) { return q.sqs.ReceiveMessage(ctx, in) })
		if refused(err) && !own {
			attemptID = rand.Text()
			continue
		}
		if isGone(err) {
			return nil, nil // the list of queues that was read is old
		}
		if err != nil {
			return nil, fmt.Errorf("receive from %s: %w", queue, err)
		}
		tickets, err := q.tickets(ctx, queue, res.Messages)
		if len(tickets) > 0 || len(res.Messages) == 0 || err != nil {
			return tickets, err
		}
		attemptID = rand.Text()
	}
}

// tickets returns the messages that are tickets. It deletes the others. The error means
// that one of those could not be deleted, and there is no ticket.
func (q *Queue) tickets(ctx context.Context, queue string, messages []types.Message) (tickets []control.Ticket, err error) {
	for _, m := range messages {
		jobID, handle := aws.ToString(m.Body), aws.ToString(m.ReceiptHandle)
		if body().MatchString(jobID) {
			tickets = append(tickets, control.Ticket{JobID: jobID, Handle: handle})
			continue
		}
		q.log.ErrorContext(ctx, "malformed ticket deleted", "queue", queue, "message", aws.ToString(m.MessageId), "body", jobID[:min(len(jobID), 100)])
		err = errors.Join(err, q.Delete(ctx, queue, handle))
	}
	if len(tickets) > 0 {
		return tickets, nil // what was not deleted comes again
	}
	return nil, err
}

// refused reports whether SQS would not take the attempt ID.
func refused(err error) bool {
	var apiErr smithy.APIError
	return errors.As(err, &apiErr) && apiErr.ErrorCode() == "InvalidParameterValue"
}

// Hide implements control.Queue.
func (q *Queue) Hide(ctx context.Context, queue, handle string, d time.Duration) error {
	url := q.url(queue)
	in := &sqs.ChangeMessageVisibilityInput{QueueUrl: url, ReceiptHandle: &handle, VisibilityTimeout: seconds(min(d, maxHide))}
	_, err := control.Limited(ctx, q.limit, func() (*sqs.ChangeMessageVisibilityOutput, error) { return q.sqs.ChangeMessageVisibility(ctx, in) })
	if err != nil && !isGone(err) {
		return fmt.Errorf("hide a ticket of %s: %w", queue, err)
	}
	return nil
}

// Delete implements control.Queue.
func (q *Queue) Delete(ctx context.Context, queue, handle string) error {
	url := q.url(queue)
	in := &sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: &handle}
	_, err := control.Limited(ctx, q.limit, func() (*sqs.DeleteMessageOutput, error) { return q.sqs.DeleteMessage(ctx, in) })
	if err != nil && !isGone(err) {
		return fmt.Errorf("delete a ticket of %s: %w", queue, err)
	}
	return nil
}

// Ring implements control.Queue. What rings in vain is gone after the bell's
// retention, a minute.
func (q *Queue) Ring(ctx context.Context, n int) error {
	entries := make([]types.SendMessageBatchRequestEntry, n)
	for i := range entries {
		entries[i] = types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(errand.RingText)}
	}
	var err error
	if n == 1 {
		_, err = q.sqs.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &q.Bell, MessageBody: aws.String(errand.RingText)})
	} else {
		_, err = q.sqs.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &q.Bell, Entries: entries})
	}
	if err != nil {
		return fmt.Errorf("ring the bell: %w", err)
	}
	return nil
}

// seconds is d in whole seconds, rounded up: a hold must not end early.
func seconds(d time.Duration) int32 {
	return int32((max(d, 0) + time.Second - 1) / time.Second)
}
