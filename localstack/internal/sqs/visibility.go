package sqs

import "context"

// maxHidden is how long after its receive a message may stay hidden, in ms.
const maxVisibility = 43_200_000

// ChangeMessageVisibility hides a received message for that long from now; 0
// returns it, to the head of its group. The next receive doesn't inherit it.
// Errors: ReceiptHandleIsInvalid, InvalidParameterValue.
func (e *Engine) ChangeMessageVisibility(_ context.Context, sc Scope, in ChangeMessageVisibilityInput) (out ChangeMessageVisibilityOutput, err error) {
	return out, e.transact(sc, in.QueueUrl, func(q *queue, t *txn) error {
		return q.changeVisibility(t, in.ReceiptHandle, in.VisibilityTimeout)
	})
}

// ChangeMessageVisibilityBatch is up to 10 ChangeMessageVisibilities.
func (e *Engine) ChangeMessageVisibilityBatch(_ context.Context, sc Scope, in ChangeMessageVisibilityBatchInput) (out ChangeMessageVisibilityBatchOutput, err error) {
	ids := make([]string, len(in.Entries))
	for i, entry := range in.Entries {
		ids[i] = entry.Id
	}
	err = e.transact(sc, in.QueueUrl, func(q *queue, t *txn) error {
		if err := checkBatch("ChangeMessageVisibilityBatchRequestEntry", ids); err != nil {
			return err
		}
		for _, entry := range in.Entries {
			if err := q.changeVisibility(t, entry.ReceiptHandle, entry.VisibilityTimeout); err != nil {
				failed, err := batchEntryError(entry.Id, err)
				if err != nil {
					return err
				}
				out.Failed = append(out.Failed, failed)
				continue
			}
			out.Successful = append(out.Successful, ChangeMessageVisibilityBatchResultEntry{Id: entry.Id})
		}
		return nil
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
		// Before the next operation looks: a batch may go on with this message.
		q.advance(t.now)
	}
	return nil
}

// hideable is the state of a message whose visibility that receipt may change:
// in flight by that very receive, or, in a standard queue, expired.
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
		s = f.state // this batch may have changed it
	}
	return s, inlineBody, err
}
