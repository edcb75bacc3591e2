package sqs

import "slices"

// What is remembered for a window, deduplication IDs and attempts, lies in the
// store by the term in which it expires. At any time records of two terms can
// hold; older terms are removed whole.

func periodOf(expires int64) uint64 { return uint64(expires) / dedupWindow }

// remember writes a record that begins with a version and when it expires.
func (q *queue) saveWindowRecord(t *txn, h hash, expires int64, record []byte) {
	term := periodOf(expires)
	t.Set(q.e.space, windowKey(q.id, term, h), record)
	if i, ok := slices.BinarySearch(q.periods, term); !ok {
		q.periods = slices.Insert(q.periods, i, term)
	}
	q.e.janitor.expect()
}

// recall is the record of an ID, if it hasn't expired.
func (q *queue) findWindowRecord(h hash, now int64) (record []byte, ok bool, err error) {
	for _, term := range slices.Backward(q.periods) {
		if term < periodOf(now) {
			break
		}
		v, ok, err := q.e.space.Find(windowKey(q.id, term, h))
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
	r := recordReader{b: record}
	r.uint()
	return int64(r.uint())
}

// forget removes the terms that are over, and says whether there are others.
func (q *queue) deleteExpiredPeriods(t *txn) (later bool) {
	for len(q.periods) > 0 && q.periods[0] < periodOf(t.now) {
		t.DeleteRange(q.e.space, periodKey(q.id, q.periods[0]), periodKey(q.id, q.periods[0]+1))
		q.periods = q.periods[1:]
	}
	return len(q.periods) > 0
}
