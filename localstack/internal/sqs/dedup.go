package sqs

import "bytes"

// The deduplication window: for 5 minutes from the first send, also when that
// message is received and deleted, a send with its ID has no effect.

const window = 5 * 60 * 1000 // ms; also how long an attempt ID holds

func (q *queue) dedupHash(group, id string) hash {
	if q.rec.GroupDedup {
		return hashOf("group", group, id)
	}
	return hashOf("queue", id)
}

// duplicateOf is the first message that had this deduplication ID.
func (q *queue) duplicateOf(t *txn, h hash) (first sent, ok bool, err error) {
	if d, ok := t.dedups[h]; ok { // earlier in this batch
		return d, true, nil
	}
	if !q.recent.mayHold(h, t.now) {
		return first, false, nil
	}
	v, ok, err := q.e.space.Get(hashKey(kindDedup, q.id, h))
	if err != nil || !ok {
		return first, false, err
	}
	d, err := decodeDedup(v)
	if err != nil || d.Expires <= t.now {
		return first, false, err
	}
	q.touch(t)
	return sent{id: d.ID, seq: d.Seq}, true, nil
}

func (q *queue) remember(t *txn, h hash, id string, seq uint64) {
	d := dedupRecord{Expires: t.now + window, Seq: seq, ID: id}
	t.Set(q.e.space, hashKey(kindDedup, q.id, h), d.encode())
	q.forgetAt(t, d.Expires, kindDedup, h)
	q.recent.add(h, d.Expires)
	if t.dedups == nil {
		t.dedups = map[hash]sent{}
	}
	t.dedups[h] = sent{id: id, seq: seq}
}

// forgetAt has the janitor remove a D or an A when it has expired.
func (q *queue) forgetAt(t *txn, at int64, kind byte, h hash) {
	key := expiryKey(q.id, at, kind, h)
	if bytes.Compare(key, q.forgotten) < 0 { // the clock was set back
		q.forgotten = nil
	}
	t.Set(q.e.space, key, nil)
	q.e.janitor.expect()
}
