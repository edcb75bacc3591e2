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
	h := hashOf("attempt", id)
	t.Set(q.e.space, hashKey(kindAttempt, q.id, h), a.encode())
	q.forgetAt(t, a.Expires, kindAttempt, h)
}

// replay answers an attempt as it was answered before; ok is false if it
// wasn't, or can't be any more.
func (q *queue) replay(t *txn, r receive) (messages []Message, ok bool, err error) {
	if r.attempt == "" {
		return nil, false, nil
	}
	v, ok, err := q.e.space.Get(hashKey(kindAttempt, q.id, hashOf("attempt", r.attempt)))
	if err != nil || !ok {
		return nil, false, err
	}
	a, err := decodeAttempt(v)
	if err != nil || a.Expires <= t.now {
		return nil, false, err
	}
	states, ok, err := q.unmodified(t, a)
	if err != nil || !ok {
		return nil, false, err
	}
	for i, m := range a.Messages {
		body, ok, err := q.body(m.Seq)
		if err != nil || !ok {
			return nil, false, err
		}
		q.hide(t, m.Seq, states[i], t.now+q.visibilityOf(r))
		messages = append(messages, q.message(m.Seq, states[i], body, r))
	}
	return messages, true, nil
}

// unmodified is the state of the attempt's messages, if all are as they were.
func (q *queue) unmodified(t *txn, a attemptRecord) (states []stateRecord, ok bool, err error) {
	for _, m := range a.Messages {
		s, ok, err := q.state(m.Seq)
		expired := s.Sent+q.set.retention <= t.now
		if err != nil || !ok || s.Count != m.Count || s.Changed || expired {
			return nil, false, err
		}
		states = append(states, s)
	}
	return states, true, nil
}

// hide puts a message, in flight or not, into flight until a deadline, as the
// same receive that it was.
func (q *queue) hide(t *txn, seq uint64, s stateRecord, until int64) {
	s.Hidden = until
	q.setState(t, seq, s)
	if f := q.flying[seq]; f != nil {
		q.land(f)
	}
	q.lane.hidden(q.fly(seq, s, q.lane.groupOf(s.Group)))
}
