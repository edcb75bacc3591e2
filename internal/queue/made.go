package queue

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/errandhq/errand/internal/control"
)

// attributes are those of DefaultQueue in template.yaml.
func (q *Queue) attributes() map[string]string {
	a := map[string]string{
		"FifoQueue": "true", "DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId",
		"MessageRetentionPeriod": "1209600", "VisibilityTimeout": "60", "SqsManagedSseEnabled": "true",
	}
	if q.Standard {
		maps.Copy(a, map[string]string{"DeduplicationScope": "queue", "FifoThroughputLimit": "perQueue"})
	}
	return a
}

// MakeQueue implements control.QueueMaker.
func (q *Queue) MakeQueue(ctx context.Context, name string) error {
	_, err := q.sqs.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String(q.sqsName(name)), Attributes: q.attributes()})
	var recent *types.QueueDeletedRecently
	if errors.As(err, &recent) {
		return control.ErrDeletedRecently
	}
	var exists *types.QueueNameExists // with other attributes: an older deployment's
	if err != nil && !errors.As(err, &exists) {
		return fmt.Errorf("create the SQS queue %s: %w", q.sqsName(name), err)
	}
	return nil
}

// RemoveQueue implements control.QueueMaker.
func (q *Queue) RemoveQueue(ctx context.Context, name string) error {
	_, err := q.sqs.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: q.url(name)})
	if err != nil && !isGone(err) {
		return fmt.Errorf("delete the SQS queue %s: %w", q.sqsName(name), err)
	}
	return nil
}

// isGone reports whether SQS has no such queue.
func isGone(err error) bool {
	var gone *types.QueueDoesNotExist
	return errors.As(err, &gone)
}
