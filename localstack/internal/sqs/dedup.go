// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html

package sqs

// For 5 minutes from the first send, a send with the same deduplication ID has
// no effect, even if the first message was received and deleted since.

const dedupWindow = 5 * 60 * 1000 // ms; also how long a receive can be replayed

func (q *queue) dedupHash(group, id string) hash {
	if q.rec.GroupDedup {
		return hashOf("group", group, id)
	}
	return hashOf("queue", id)
}

// findDuplicate returns the result of the first send with this deduplication ID.
func (q *queue) findDuplicate(t *txn, h hash) (first sendResult, ok bool, err error) {
	for _, d := range t.newDedups { // earlier in this batch
		if d.id == h {
			return d.first, true, nil
		}
	}
	v, ok, err := q.findWindowRecord(h, t.now)
	if err != nil || !ok {
		return first, false, err
	}
	d, err := decodeDedup(v)
	if err != nil {
		return first, false, err
	}
	t.awaitEarlierWrites = true // the answer says that the first was sent
	return sendResult{id: d.ID, seq: d.Seq}, true, nil
}

func (q *queue) recordDedupID(t *txn, h hash, first sendResult) {
	d := dedupRecord{Expires: t.now + dedupWindow, Seq: first.seq, ID: first.id}
	q.saveWindowRecord(t, h, d.Expires, d.encode())
	t.newDedups = append(t.newDedups, dedup{h, first})
}

type dedup struct {
	id    hash
	first sendResult
}
