package sqs

// loadState returns the state of a message, and its body if that is stored with
// the state.
func (q *queue) loadState(seq uint64) (s stateRecord, inlineBody []byte, ok bool, err error) {
	v, ok, err := q.e.Keys.Get(messageKey(kindState, q.id, seq))
	if err != nil || !ok {
		return s, nil, false, err
	}
	s, inlineBody, err = decodeState(v)
	return s, inlineBody, err == nil, err
}

// saveState stores a state. inlineBody is what loadState returned.
func (q *queue) saveState(t *txn, seq uint64, s stateRecord, inlineBody []byte) {
	t.Set(q.e.Keys, messageKey(kindState, q.id, seq), s.encode(inlineBody))
}

func (q *queue) loadBody(seq uint64, s stateRecord, inlineBody []byte) (m bodyRecord, err error) {
	if !s.SeparateBody {
		return decodeBody(inlineBody)
	}
	v, ok, err := q.e.Keys.Get(messageKey(kindBody, q.id, seq))
	if err == nil && !ok {
		err = errRecord
	}
	if err != nil {
		return m, err
	}
	return decodeBody(v)
}

// loadMessage loads a message that must exist. inlineBody is for saveState.
func (q *queue) loadMessage(seq uint64) (s stateRecord, m bodyRecord, inlineBody []byte, err error) {
	s, inlineBody, ok, err := q.loadState(seq)
	if err == nil && !ok {
		err = errRecord
	}
	if err == nil {
		m, err = q.loadBody(seq, s, inlineBody)
	}
	return s, m, inlineBody, err
}

// deleteState deletes a message from the store, except for a separate body. A
// start finds the last sequence number in the messages, so it must be stored
// when the newest message goes.
func (q *queue) deleteState(t *txn, seq uint64) {
	t.Delete(q.e.Keys, messageKey(kindState, q.id, seq))
	if seq == q.lastSeq {
		q.saveLastSeq(t)
	}
}

func (q *queue) deleteBody(t *txn, seq uint64, s stateRecord) {
	if s.SeparateBody {
		t.Delete(q.e.Keys, messageKey(kindBody, q.id, seq))
	}
}

func (q *queue) saveLastSeq(t *txn) {
	t.Set(q.e.Keys, queueKey(kindLastSeq, q.id), appendUint64(nil, q.lastSeq))
}

// addMessage adds a message at the end of the queue.
func (q *queue) addMessage(t *txn, m bodyRecord, s stateRecord) (seq uint64) {
	seq = q.nextSeq(t.now)
	body := m.encode()
	if s.SeparateBody = len(body) > maxInlineBody; s.SeparateBody {
		t.Set(q.e.Keys, messageKey(kindBody, q.id, seq), body)
		body = nil
	}
	q.saveState(t, seq, s, body)
	q.backlog.add(seq, m.Group, s.VisibleAt)
	q.count++
	return seq
}

// deleteMessage deletes a message, in flight or not, from memory and store. In
// a FIFO queue m must have its group.
func (q *queue) deleteMessage(t *txn, m *inFlightMessage) {
	if q.inFlight[m.seq] == m {
		q.removeInFlight(m)
	}
	q.backlog.remove(m)
	q.count--
	q.deleteState(t, m.seq)
	q.deleteBody(t, m.seq, m.state)
	if t.deleted == nil {
		t.deleted = map[uint64]bool{}
	}
	t.deleted[m.seq] = true
}

// maxExpiredPerBatch is how many expired messages an operation deletes from the
// store. If many expire at a time, the sweep deletes the rest.
const maxExpiredPerBatch = 20

func (q *queue) deleteExpired(t *txn, limit int) {
	n := min(limit, len(q.expired))
	for _, seq := range q.expired[:n] {
		q.deleteState(t, seq)
		t.Delete(q.e.Keys, messageKey(kindBody, q.id, seq)) // if it is separate
	}
	if q.expired = q.expired[n:]; len(q.expired) == 0 {
		q.expired = nil
	}
}

// expire is called for a message that left the backlog because of its age.
func (q *queue) expire(seq uint64) {
	q.count--
	q.expired = append(q.expired, seq)
}

// isExpired goes by the first send: in a standard dead-letter queue, the
// retention period began in the source queue.
func (q *queue) isExpired(t *txn, s stateRecord) bool { return s.Sent+q.settings.retention <= t.now }

// A sequence number is the time of the send in ms, shifted by seqShift, or the
// last one plus 1 if that is more.
func (q *queue) nextSeq(now int64) uint64 {
	q.lastSeq = max(q.lastSeq+1, uint64(now)<<seqShift)
	return q.lastSeq
}

const seqShift = 20

func sentAt(seq uint64) int64 { return int64(seq >> seqShift) }
