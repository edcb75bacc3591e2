package sqs

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
)

// load builds the queues in memory from the store. It reads no large bodies.
func (e *Engine) load() error {
	if err := e.loadCounter(); err != nil {
		return err
	}
	return e.Keys.Scan([]byte{kindQueue}, []byte{kindQueue + 1}, func(key, value []byte) (bool, error) {
		q, err := e.loadQueue(key, value)
		if err != nil {
			return false, fmt.Errorf("load a queue: %w", err)
		}
		e.queues[queueName{q.rec.Region, q.rec.Name}] = q
		return true, nil
	})
}

func (e *Engine) loadCounter() error {
	v, ok, err := e.Keys.Get([]byte{kindCounter})
	if err != nil || !ok {
		return err
	}
	if len(v) != 8 {
		return fmt.Errorf("queue counter: %w", errRecord)
	}
	e.lastQueue = binary.BigEndian.Uint64(v)
	return nil
}

func (e *Engine) loadQueue(key, value []byte) (*queue, error) {
	if len(key) != 9 {
		return nil, fmt.Errorf("queue key: %w", errRecord)
	}
	var rec queueRecord
	if err := json.Unmarshal(value, &rec); err != nil {
		return nil, err
	}
	q, err := newQueue(e, binary.BigEndian.Uint64(key[1:]), rec)
	if err != nil {
		return nil, err
	}
	if v, ok, err := e.Keys.Get(queueKey(kindLastSeq, q.id)); err != nil {
		return nil, err
	} else if ok && len(v) == 8 {
		q.lastSeq = binary.BigEndian.Uint64(v)
	}
	now := e.now()
	if err := q.loadPeriods(); err != nil {
		return nil, err
	}
	err = e.Keys.Scan(queueKey(kindState, q.id), queueKey(kindState, q.id+1), func(key, value []byte) (bool, error) {
		if len(key) != 17 {
			return false, fmt.Errorf("message key: %w", errRecord)
		}
		s, _, err := decodeState(value)
		if err == nil {
			q.restore(binary.BigEndian.Uint64(key[9:]), s, now)
		}
		return true, err
	})
	return q, err
}

// loadPeriods finds the periods that have records, without reading those.
func (q *queue) loadPeriods() error {
	end := queueKey(kindWindow, q.id+1)
	for from, more := queueKey(kindWindow, q.id), true; more; {
		more = false
		err := q.e.Keys.Scan(from, end, func(key, _ []byte) (bool, error) {
			if len(key) < 17 {
				return false, fmt.Errorf("key of the deduplication window: %w", errRecord)
			}
			period := binary.BigEndian.Uint64(key[9:])
			q.periods = append(q.periods, period)
			from, more = periodKey(q.id, period+1), true
			return false, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// restore adds a stored message to memory: in flight, delayed or available. It is
// called in the order of sequence numbers.
func (q *queue) restore(seq uint64, s stateRecord, now int64) {
	q.count++
	q.lastSeq = max(q.lastSeq, seq)
	inFlight := s.Count > 0 && s.VisibleAt > now
	received := s.Count > 0 && !q.rec.FIFO
	if !received {
		if s.VisibleAt <= now {
			s.VisibleAt = 0
		}
		q.backlog.add(seq, s.Group, s.VisibleAt)
	}
	switch {
	case inFlight:
		q.backlog.messageInFlight(q.addInFlight(seq, s, q.backlog.findGroup(s.Group)))
	case received:
		q.backlog.messageVisible(&inFlightMessage{seq: seq, state: s})
	}
}
