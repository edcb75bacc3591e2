// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-receiverequestattemptid-request-parameter.html

package sqs

// A receive with a ReceiveRequestAttemptId can be tried again when its response
// was lost. For 5 minutes it returns the same messages with the same handles,
// and starts their visibility timeout again, unless one of them was deleted,
// received again, or had its visibility changed. AWS doesn't document what
// happens then; here it is an ordinary receive. A receive of no messages isn't
// recorded.

func (q *queue) saveAttempt(t *txn, id string, receipts []attemptMessage) {
	if id == "" || len(receipts) == 0 {
		return
	}
	a := attemptRecord{Expires: t.now + dedupWindow, Messages: receipts}
	q.saveWindowRecord(t, hashOf("attempt", id), a.Expires, a.encode())
}

// replayAttempt returns the messages of an earlier receive with the same ID; ok
// is false if there was none or it can't be repeated.
func (q *queue) replayAttempt(t *txn, r receiveRequest) (messages []Message, ok bool, err error) {
	if r.attemptID == "" {
		return nil, false, nil
	}
	v, ok, err := q.findWindowRecord(hashOf("attempt", r.attemptID), t.now)
	if err != nil || !ok {
		return nil, false, err
	}
	a, err := decodeAttempt(v)
	if err != nil {
		return nil, false, err
	}
	unchanged, ok, err := q.unchangedMessages(t, a)
	if err != nil || !ok {
		return nil, false, err
	}
	for _, m := range unchanged {
		body, err := q.loadBody(m.seq, m.state, m.inlineBody)
		if err != nil {
			return nil, false, err
		}
		q.hideUntil(t, m.seq, m.state, m.inlineBody, t.now+q.visibilityOf(r))
		messages = append(messages, q.toMessage(m.seq, m.state, body, r))
	}
	return messages, true, nil
}

// A storedMessage is a message without a separate body.
type storedMessage struct {
	seq        uint64
	state      stateRecord
	inlineBody []byte
}

// unchangedMessages returns the messages of an attempt if none has changed.
func (q *queue) unchangedMessages(t *txn, a attemptRecord) (unchanged []storedMessage, ok bool, err error) {
	for _, m := range a.Messages {
		s, inlineBody, ok, err := q.loadState(m.Seq)
		expired := q.isExpired(t, s)
		if err != nil || !ok || s.Count != m.Count || s.VisibilityChanged || expired {
			return nil, false, err
		}
		unchanged = append(unchanged, storedMessage{m.Seq, s, inlineBody})
	}
	return unchanged, true, nil
}

// hideUntil puts a message in flight until a deadline, or changes its deadline.
// Its receipt handle stays valid.
func (q *queue) hideUntil(t *txn, seq uint64, s stateRecord, inlineBody []byte, until int64) {
	s.VisibleAt = until
	q.saveState(t, seq, s, inlineBody)
	if f := q.inFlight[seq]; f != nil {
		q.removeInFlight(f)
	}
	q.backlog.messageInFlight(q.addInFlight(seq, s, q.backlog.findGroup(s.Group)))
}
