// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html

package sqs

import "context"

// maxVisibility is how long a message may be in flight after its receive, in ms.
const maxVisibility = 43_200_000

// ChangeMessageVisibility sets when a message in flight becomes visible again,
// from now; 0 makes it visible at once, at the head of its group. The next
// receive has the queue's own visibility timeout again.
// Errors: ReceiptHandleIsInvalid, InvalidParameterValue.
func (e *Engine) ChangeMessageVisibility(ctx context.Context, in *ChangeMessageVisibilityInput) (*ChangeMessageVisibilityOutput, error) {
	return &ChangeMessageVisibilityOutput{}, e.transact(ctx, in.QueueUrl, func(q *queue, t *txn) error {
		return q.changeVisibility(t, in.ReceiptHandle, in.VisibilityTimeout)
	})
}

// ChangeMessageVisibilityBatch changes the visibility of up to 10 messages.
func (e *Engine) ChangeMessageVisibilityBatch(ctx context.Context, in *ChangeMessageVisibilityBatchInput) (*ChangeMessageVisibilityBatchOutput, error) {
	out := &ChangeMessageVisibilityBatchOutput{}
	ids := make([]string, len(in.Entries))
	for i, entry := range in.Entries {
		ids[i] = entry.Id
	}
	err := e.transact(ctx, in.QueueUrl, func(q *queue, t *txn) error {
		if err := checkBatch("ChangeMessageVisibilityBatchRequestEntry", ids); err != nil {
			return err
		}
		var err error
		out.Failed, err = forEachEntry(ids, func(i int) error {
			if err := q.changeVisibility(t, in.Entries[i].ReceiptHandle, in.Entries[i].VisibilityTimeout); err != nil {
				return err
			}
			out.Successful = append(out.Successful, ChangeMessageVisibilityBatchResultEntry{Id: ids[i]})
			return nil
		})
		return err
	})
	return out, err
}

func (q *queue) changeVisibility(t *txn, handle string, timeout *int32) error {
	if timeout == nil {
		return errMissing("VisibilityTimeout")
	}
	r, err := q.parseHandle(handle)
	if err != nil {
		return err
	}
	if err := checkVisibility(*timeout); err != nil {
		return err
	}
	s, inlineBody, err := q.checkVisibilityChange(t, r, handle)
	if err != nil {
		return err
	}
	until := t.now + seconds(int64(*timeout))
	if until > s.Received+maxVisibility {
		return errValue(*timeout, "VisibilityTimeout", "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]")
	}
	s.VisibilityChanged = true
	q.hideUntil(t, r.seq, s, inlineBody, until)
	if *timeout == 0 {
		// The next entry of a batch may be about the same message.
		q.advance(t.now)
	}
	return nil
}

// checkVisibilityChange returns the state of a message whose visibility r may
// change: in flight by that very receive or, in a standard queue, received before.
func (q *queue) checkVisibilityChange(t *txn, r receipt, handle string) (s stateRecord, inlineBody []byte, err error) {
	f := q.inFlight[r.seq]
	inFlight := f != nil && (f.state.Count == r.count || !q.rec.FIFO)
	if !inFlight && (f != nil || q.rec.FIFO || t.deleted[r.seq] || !q.backlog.contains(r.seq, "")) {
		return s, nil, errNotInFlight(handle)
	}
	s, inlineBody, ok, err := q.loadState(r.seq)
	if err == nil && !ok {
		err = errNotInFlight(handle)
	}
	if inFlight {
		s = f.state // newer than the store if this batch changed it
	}
	return s, inlineBody, err
}
