package sqs

// The deduplication window: for 5 minutes from the first send, also when that
// message is received and deleted, a send with its ID has no effect.

const dedupWindow = 5 * 60 * 1000 // ms; also how long an attempt ID holds

func (q *queue) dedupHash(group, id string) hash {
	if q.rec.GroupDedup {
		return hashOf("group", group, id)
	}
	return hashOf("queue", id)
}

// duplicateOf is the first message that had this deduplication ID.
func (q *queue) findDuplicate(t *txn, h hash) (first sendResult, ok bool, err error) {
	for _, d := range t.newDedups { // earlier in this batch
		if d.id == h {
			return d.first, true, nil
		}
	}
	if !q.recent.mayHold(h, t.now) {
		return first, false, nil
	}
	v, ok, err := q.findWindowRecord(h, t.now)
	if err != nil || !ok {
		return first, false, err
	}
	d, err := decodeDedup(v)
	if err != nil {
		return first, false, err
	}
	t.awaitEarlierWrites = true // that it was sent
	return sendResult{id: d.ID, seq: d.Seq}, true, nil
}

// noDuplicateOf notes that a message with a new deduplication ID was sent.
func (q *queue) recordDedupID(t *txn, h hash, first sendResult) {
	d := dedupRecord{Expires: t.now + dedupWindow, Seq: first.seq, ID: first.id}
	q.saveWindowRecord(t, h, d.Expires, d.encode())
	q.recent.add(h, d.Expires)
	t.newDedups = append(t.newDedups, dedup{h, first})
}

// A dedup is a deduplication ID, and the first message that had it.
type dedup struct {
	id    hash
	first sendResult
}
