package sqs

import "slices"

// What is remembered for a window, deduplication IDs and attempts, lies in the
// store by the term in which it expires. At any time records of two terms can
// hold; older terms are removed whole.

func termOf(expires int64) uint64 { return uint64(expires) / window }

// remember writes a record that begins with a version and when it expires.
func (q *queue) remember(t *txn, h hash, expires int64, record []byte) {
	term := termOf(expires)
	t.Set(q.e.space, recentKey(q.id, term, h), record)
	if i, ok := slices.BinarySearch(q.terms, term); !ok {
		q.terms = slices.Insert(q.terms, i, term)
	}
	q.e.janitor.expect()
}

// recall is the record of an ID, if it hasn't expired.
func (q *queue) recall(h hash, now int64) (record []byte, ok bool, err error) {
	for _, term := range slices.Backward(q.terms) {
		if term < termOf(now) {
			break
		}
		v, ok, err := q.e.space.Find(recentKey(q.id, term, h))
		if err != nil {
			return nil, false, err
		}
		if ok && expiryOf(v) > now {
			return v, true, nil
		}
	}
	return nil, false, nil
}

// expiryOf is when a record expires, in ms.
func expiryOf(record []byte) int64 {
	r := reader{b: record}
	r.uint()
	return int64(r.uint())
}

// forget removes the terms that are over, and says whether there are others.
func (q *queue) forget(t *txn) (later bool) {
	for len(q.terms) > 0 && q.terms[0] < termOf(t.now) {
		t.DeleteRange(q.e.space, termKey(q.id, q.terms[0]), termKey(q.id, q.terms[0]+1))
		q.terms = q.terms[1:]
	}
	return len(q.terms) > 0
}
