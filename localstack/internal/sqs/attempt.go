package sqs

// A receive with a ReceiveRequestAttemptId can be tried again when its answer
// was lost: for 5 minutes it gives the same messages with the same handles, and
// hides them anew, unless one of them was deleted, was received by another, or
// had its visibility changed. Then, where AWS's documentation is silent, it is a
// receive like any other. A receive that found nothing isn't remembered.

func (q *queue) saveAttempt(t *txn, id string, receipts []attemptMessage) {
	if id == "" || len(receipts) == 0 {
		return
	}
	a := attemptRecord{Expires: t.now + dedupWindow, Messages: receipts}
	q.saveWindowRecord(t, hashOf("attempt", id), a.Expires, a.encode())
}

// replay answers an attempt as it was answered before; ok is false if it
// wasn't, or can't be any more.
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
	taken, ok, err := q.unchangedMessages(t, a)
	if err != nil || !ok {
		return nil, false, err
	}
	for _, m := range taken {
		body, err := q.loadBody(m.seq, m.state, m.inlineBody)
		if err != nil {
			return nil, false, err
		}
		q.hideUntil(t, m.seq, m.state, m.inlineBody, t.now+q.visibilityOf(r))
		messages = append(messages, q.toMessage(m.seq, m.state, body, r))
	}
	return messages, true, nil
}

// stored is a message as the store has it, a body apart left aside.
type storedMessage struct {
	seq        uint64
	state      stateRecord
	inlineBody []byte
}

// unmodified are the attempt's messages, if all are as they were.
func (q *queue) unchangedMessages(t *txn, a attemptRecord) (taken []storedMessage, ok bool, err error) {
	for _, m := range a.Messages {
		s, inlineBody, ok, err := q.loadState(m.Seq)
		expired := q.isExpired(t, s)
		if err != nil || !ok || s.Count != m.Count || s.VisibilityChanged || expired {
			return nil, false, err
		}
		taken = append(taken, storedMessage{m.Seq, s, inlineBody})
	}
	return taken, true, nil
}

// hide puts a message, in flight or not, into flight until a deadline, as the
// same receive that it was.
func (q *queue) hideUntil(t *txn, seq uint64, s stateRecord, inlineBody []byte, until int64) {
	s.VisibleAt = until
	q.saveState(t, seq, s, inlineBody)
	if f := q.inFlight[seq]; f != nil {
		q.removeInFlight(f)
	}
	q.backlog.messageInFlight(q.addInFlight(seq, s, q.backlog.findGroup(s.Group)))
}
