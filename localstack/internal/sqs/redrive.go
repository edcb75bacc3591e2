package sqs

// Dead letters: a message that was received maxReceiveCount times and comes up
// again goes to the dead-letter queue instead, in the same batch as the receive
// that found it. Where that queue is missing, it stays and is delivered.

func (q *queue) redriveTarget() string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.settings.redrive.target
}

// lockWithTarget locks the queue, and with it its dead-letter queue, if it has
// one. Two queues are always locked in the order of their numbers.
func (q *queue) lockWithTarget() (dlq *queue, unlock func()) {
	for {
		arn := q.redriveTarget()
		if arn != "" {
			dlq = q.e.queueByARN(arn)
		}
		if dlq == nil || dlq == q || dlq.rec.FIFO != q.rec.FIFO {
			dlq = nil
			q.mu.Lock()
			unlock = q.mu.Unlock
		} else {
			unlock = lockBoth(q, dlq)
		}
		if q.settings.redrive.target == arn && (dlq == nil || !dlq.deleted) {
			return dlq, unlock
		}
		unlock()
		dlq = nil
	}
}

func lockBoth(a, b *queue) (unlock func()) {
	if b.id < a.id {
		a, b = b, a
	}
	a.mu.Lock()
	b.mu.Lock()
	return func() { b.mu.Unlock(); a.mu.Unlock() }
}

// bequeath moves a message to the dead-letter queue, where its receives go on
// being counted. A FIFO queue's starts its age anew, a standard one's doesn't.
func (q *queue) moveToDeadLetterQueue(t *txn, dlq *queue, seq uint64, s stateRecord, m bodyRecord) {
	moved := stateRecord{Group: s.Group, Sent: s.Sent, First: s.First, Count: s.Count, Source: q.arn()}
	if q.rec.FIFO {
		moved.Sent = t.now
	}
	q.deleteBody(t, seq, s)
	q.transfer(t, dlq, seq, moved, m)
}

// transfer puts a message behind everything in another queue, in its own
// group. Deduplication doesn't look at it. The caller takes it from the lane,
// and erases a body that was apart.
func (q *queue) transfer(t *txn, to *queue, seq uint64, s stateRecord, m bodyRecord) {
	q.deleteState(t, seq)
	q.count--
	to.advance(t.now)
	to.put(t, m, s)
}
