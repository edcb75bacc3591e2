package sqs

import "errors"

// sweepBatch is how many messages the sweep deletes under one lock.
const sweepBatch = 1000

// sweep deletes from the store what has expired: messages beyond their
// retention, deduplication IDs and receive attempts. Only the space depends on
// it: every reader of a record checks its time, too.
func (e *Engine) sweep() error {
	if e.Begin() != nil {
		return nil // closing, or broken: logged by then
	}
	defer e.Leave()
	e.mu.RLock()
	queues := make([]*queue, 0, len(e.queues))
	for _, q := range e.queues {
		queues = append(queues, q)
	}
	e.mu.RUnlock()
	for _, q := range queues {
		if err := q.sweep(); err != nil {
			return errors.Unwrap(err)
		}
	}
	return nil
}

func (q *queue) sweep() error {
	for more := true; more; {
		select {
		case <-q.e.Closing():
			return nil
		default:
		}
		p, err := q.transact(func(q *queue, t *txn) error {
			q.deleteExpiredPeriods(t)
			q.deleteExpired(t, sweepBatch)
			more = len(q.expired) > 0
			return nil
		})
		if isCode(err, codeNoQueue) {
			return nil // deleted meanwhile
		}
		if err == nil {
			err = q.e.waitDurable(p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
