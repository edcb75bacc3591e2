// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_TagQueue.html
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_UntagQueue.html
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListQueueTags.html

package sqs

import (
	"context"
	"maps"
)

const maxTags = 50

func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return errorf(codeInvalidParameter, "Too many tags added for queue.")
	}
	for key, value := range tags {
		if key == "" || len(key) > 128 || len(value) > 256 {
			return errValue(key, "Tags", "Tag keys must be 1 to 128 characters long, values at most 256.")
		}
	}
	return nil
}

func (e *Engine) TagQueue(ctx context.Context, in *TagQueueInput) (*TagQueueOutput, error) {
	return &TagQueueOutput{}, e.transact(ctx, in.QueueUrl, func(q *queue, t *txn) error {
		tags := map[string]string{}
		maps.Copy(tags, q.rec.Tags)
		maps.Copy(tags, in.Tags)
		if err := checkTags(tags); err != nil {
			return err
		}
		q.rec.Tags = tags
		q.saveRecord(t)
		return nil
	})
}

func (e *Engine) UntagQueue(ctx context.Context, in *UntagQueueInput) (*UntagQueueOutput, error) {
	return &UntagQueueOutput{}, e.transact(ctx, in.QueueUrl, func(q *queue, t *txn) error {
		tags := maps.Clone(q.rec.Tags)
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
		q.rec.Tags = tags
		q.saveRecord(t)
		return nil
	})
}

func (e *Engine) ListQueueTags(ctx context.Context, in *ListQueueTagsInput) (*ListQueueTagsOutput, error) {
	out := &ListQueueTagsOutput{}
	err := e.transact(ctx, in.QueueUrl, func(q *queue, _ *txn) error {
		out.Tags = maps.Clone(q.rec.Tags)
		return nil
	})
	return out, err
}
