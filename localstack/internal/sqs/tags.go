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

// TagQueue sets tags.
func (e *Engine) TagQueue(_ context.Context, sc Scope, in TagQueueInput) (out TagQueueOutput, err error) {
	return out, e.transact(sc, in.QueueUrl, func(q *queue, t *txn) error {
		tags := maps.Clone(q.rec.Tags)
		if tags == nil {
			tags = map[string]string{}
		}
		maps.Copy(tags, in.Tags)
		if err := checkTags(tags); err != nil {
			return err
		}
		q.rec.Tags = tags
		q.saveRecord(t)
		return nil
	})
}

// UntagQueue removes tags.
func (e *Engine) UntagQueue(_ context.Context, sc Scope, in UntagQueueInput) (out UntagQueueOutput, err error) {
	return out, e.transact(sc, in.QueueUrl, func(q *queue, t *txn) error {
		tags := maps.Clone(q.rec.Tags)
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
		q.rec.Tags = tags
		q.saveRecord(t)
		return nil
	})
}

// ListQueueTags answers with all tags.
func (e *Engine) ListQueueTags(_ context.Context, sc Scope, in ListQueueTagsInput) (out ListQueueTagsOutput, err error) {
	err = e.transact(sc, in.QueueUrl, func(q *queue, _ *txn) error {
		out.Tags = maps.Clone(q.rec.Tags)
		return nil
	})
	return out, err
}
