package sqs

// A receive with a ReceiveRequestAttemptId can be tried again when its answer
// was lost: for 5 minutes it gives the same messages with the same handles, and
// hides them anew, unless one of them was deleted, was received by another, or
// had its visibility changed. Then, where AWS's documentation is silent, it is a
// receive like any other. A receive that found nothing isn't remembered.

func (q *queue) rememberAttempt(t *txn, id string, receipts []attemptMessage) {
	if id == "" || len(receipts) == 0 {
		return
	}
	a := attemptRecord{Expires: t.now + window, Messages: receipts}
	q.remember(t, hashOf("attempt", id), a.Expires, a.encode())
}

// replay answers an attempt as it was answered before; ok is false if it
// wasn't, or can't be any more.
func (q *queue) replay(t *txn, r receive) (messages []Message, ok bool, err error) {
	if r.attempt == "" {
		return nil, false, nil
	}
	v, ok, err := q.recall(hashOf("attempt", r.attempt), t.now)
	if err != nil || !ok {
		return nil, false, err
	}
	a, err := decodeAttempt(v)
	if err != nil {
		return nil, false, err
	}
	taken, ok, err := q.unmodified(t, a)
	if err != nil || !ok {
		return nil, false, err
	}
	for _, m := range taken {
		body, err := q.body(m.seq, m.state, m.small)
		if err != nil {
			return nil, false, err
		}
		q.hide(t, m.seq, m.state, m.small, t.now+q.visibilityOf(r))
		messages = append(messages, q.message(m.seq, m.state, body, r))
	}
	return messages, true, nil
}

// stored is a message as the store has it, a body apart left aside.
type stored struct {
	seq   uint64
	state stateRecord
	small []byte
}

// unmodified are the attempt's messages, if all are as they were.
func (q *queue) unmodified(t *txn, a attemptRecord) (taken []stored, ok bool, err error) {
	for _, m := range a.Messages {
		s, small, ok, err := q.state(m.Seq)
		expired := q.tooOld(t, s)
		if err != nil || !ok || s.Count != m.Count || s.Changed || expired {
			return nil, false, err
		}
		taken = append(taken, stored{m.Seq, s, small})
	}
	return taken, true, nil
}

// hide puts a message, in flight or not, into flight until a deadline, as the
// same receive that it was.
func (q *queue) hide(t *txn, seq uint64, s stateRecord, small []byte, until int64) {
	s.Hidden = until
	q.setState(t, seq, s, small)
	if f := q.flying[seq]; f != nil {
		q.land(f)
	}
	q.lane.hidden(q.fly(seq, s, q.lane.groupOf(s.Group)))
}
