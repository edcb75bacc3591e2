// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessageBatch.html

package sqs

import "context"

// DeleteMessage deletes the message that a receipt handle names. Deleting a
// message again succeeds. A FIFO queue takes only the latest handle, and only
// until its visibility timeout ends.
// Errors: ReceiptHandleIsInvalid, InvalidParameterValue (expired).
func (e *Engine) DeleteMessage(ctx context.Context, in *DeleteMessageInput) (*DeleteMessageOutput, error) {
	return &DeleteMessageOutput{}, e.transact(ctx, in.QueueUrl, func(q *queue, t *txn) error {
		return q.deleteByHandle(t, in.ReceiptHandle)
	})
}

// DeleteMessageBatch deletes up to 10 messages.
func (e *Engine) DeleteMessageBatch(ctx context.Context, in *DeleteMessageBatchInput) (*DeleteMessageBatchOutput, error) {
	out := &DeleteMessageBatchOutput{}
	ids := make([]string, len(in.Entries))
	for i, entry := range in.Entries {
		ids[i] = entry.Id
	}
	err := e.transact(ctx, in.QueueUrl, func(q *queue, t *txn) error {
		if err := checkBatch("DeleteMessageBatchRequestEntry", ids); err != nil {
			return err
		}
		var err error
		out.Failed, err = forEachEntry(ids, func(i int) error {
			if err := q.deleteByHandle(t, in.Entries[i].ReceiptHandle); err != nil {
				return err
			}
			out.Successful = append(out.Successful, DeleteMessageBatchResultEntry{Id: ids[i]})
			return nil
		})
		return err
	})
	return out, err
}

func (q *queue) deleteByHandle(t *txn, handle string) error {
	r, err := q.parseHandle(handle)
	if err != nil {
		return err
	}
	t.awaitEarlierWrites = true // the answer says that the message is deleted
	if f := q.inFlight[r.seq]; f != nil {
		if q.rec.FIFO && f.state.Count != r.count {
			return errHandleExpired(handle)
		}
		q.deleteMessage(t, f)
		return nil
	}
	s, _, ok, err := q.loadState(r.seq)
	if err != nil || !ok || t.deleted[r.seq] || !q.backlog.contains(r.seq, s.Group) {
		return err
	}
	if q.rec.FIFO {
		return errHandleExpired(handle)
	}
	q.deleteMessage(t, &inFlightMessage{seq: r.seq, state: s})
	return nil
}
