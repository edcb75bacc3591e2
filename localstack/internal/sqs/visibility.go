package sqs

import "context"

// maxHidden is how long after its receive a message may stay hidden, in ms.
const maxHidden = 43_200_000

// ChangeMessageVisibility hides a received message for that long from now; 0
// returns it, to the head of its group. The next receive doesn't inherit it.
// Errors: ReceiptHandleIsInvalid, InvalidParameterValue.
func (e *Engine) ChangeMessageVisibility(_ context.Context, sc Scope, in ChangeMessageVisibilityInput) (out ChangeMessageVisibilityOutput, err error) {
	return out, e.on(sc, in.QueueUrl, func(q *queue, t *txn) error {
		return q.changeVisibility(t, in.ReceiptHandle, in.VisibilityTimeout)
	})
}

// ChangeMessageVisibilityBatch is up to 10 ChangeMessageVisibilities.
func (e *Engine) ChangeMessageVisibilityBatch(_ context.Context, sc Scope, in ChangeMessageVisibilityBatchInput) (out ChangeMessageVisibilityBatchOutput, err error) {
	ids := make([]string, len(in.Entries))
	for i, entry := range in.Entries {
		ids[i] = entry.Id
	}
	err = e.on(sc, in.QueueUrl, func(q *queue, t *txn) error {
		if err := checkBatch("ChangeMessageVisibilityBatchRequestEntry", ids); err != nil {
			return err
		}
		for _, entry := range in.Entries {
			if err := q.changeVisibility(t, entry.ReceiptHandle, entry.VisibilityTimeout); err != nil {
				failed, err := failure(entry.Id, err)
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
	r, err := q.receiptOf(handle)
	if err != nil {
		return err
	}
	if err := checkVisibility(*timeout); err != nil {
		return err
	}
	s, small, err := q.hideable(t, r, handle)
	if err != nil {
		return err
	}
	until := t.now + seconds(int64(*timeout))
	if until > s.Received+maxHidden {
		return errValue(*timeout, "VisibilityTimeout", "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]")
	}
	s.Changed = true
	q.hide(t, r.seq, s, small, until)
	if *timeout == 0 {
		// Before the next operation looks: a batch may go on with this message.
		q.settle(t.now)
	}
	return nil
}

// hideable is the state of a message whose visibility that receipt may change:
// in flight by that very receive, or, in a standard queue, expired.
func (q *queue) hideable(t *txn, r receipt, handle string) (s stateRecord, small []byte, err error) {
	f := q.flying[r.seq]
	inFlight := f != nil && (f.state.Count == r.count || !q.rec.FIFO)
	if !inFlight && (f != nil || q.rec.FIFO || t.removed[r.seq] || !q.lane.holds(r.seq, "")) {
		return s, nil, errNotInFlight(handle)
	}
	s, small, ok, err := q.state(r.seq)
	if err == nil && !ok {
		err = errNotInFlight(handle)
	}
	if inFlight {
		s = f.state // this batch may have changed it
	}
	return s, small, err
}
