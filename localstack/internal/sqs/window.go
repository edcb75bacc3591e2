package sqs

import "slices"

// Records that are kept for dedupWindow (deduplication IDs and receive attempts)
// are stored by the period in which they expire. Records of two periods can be
// valid at a time; a period that is over is deleted by one range.

func periodOf(expires int64) uint64 { return uint64(expires) / dedupWindow }

// saveWindowRecord stores a record that begins with a version and its expiry.
func (q *queue) saveWindowRecord(t *txn, h hash, expires int64, record []byte) {
	period := periodOf(expires)
	t.Set(q.e.Keys, windowKey(q.id, period, h), record)
	if i, ok := slices.BinarySearch(q.periods, period); !ok {
		q.periods = slices.Insert(q.periods, i, period)
	}
}

func (q *queue) findWindowRecord(h hash, now int64) (record []byte, ok bool, err error) {
	for _, period := range slices.Backward(q.periods) {
		if period < periodOf(now) {
			break
		}
		v, ok, err := q.e.Keys.Find(windowKey(q.id, period, h))
		if err != nil {
			return nil, false, err
		}
		if ok && expiryOf(v) > now {
			return v, true, nil
		}
	}
	return nil, false, nil
}

func expiryOf(record []byte) int64 {
	r := recordReader{b: record}
	r.uint() // version
	return int64(r.uint())
}

func (q *queue) deleteExpiredPeriods(t *txn) {
	for len(q.periods) > 0 && q.periods[0] < periodOf(t.now) {
		t.DeleteRange(q.e.Keys, periodKey(q.id, q.periods[0]), periodKey(q.id, q.periods[0]+1))
		q.periods = q.periods[1:]
	}
}
