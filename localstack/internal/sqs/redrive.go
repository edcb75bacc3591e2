// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html

package sqs

// A message that was received maxReceiveCount times moves to the dead-letter
// queue when it would be received again, in the same batch as that receive. If
// the dead-letter queue doesn't exist, the message is received.

func (q *queue) redriveTarget() string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.settings.redrive.target
}

// lockWithTarget locks the queue and its dead-letter queue, if it has one. Two
// queues are always locked in the order of their IDs.
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

// BUG(sqs): A standard dead-letter queue counts a message whose retention period
// began in the source queue, and is over, until a receive comes to it.

// moveToDeadLetterQueue moves a message with its receive count. As on AWS, its
// retention period starts again in a FIFO queue, but not in a standard one.
func (q *queue) moveToDeadLetterQueue(t *txn, dlq *queue, seq uint64, s stateRecord, m bodyRecord) {
	moved := stateRecord{Group: s.Group, Sent: s.Sent, First: s.First, Count: s.Count, Source: q.arn()}
	if q.rec.FIFO {
		moved.Sent = t.now
	}
	q.deleteBody(t, seq, s)
	q.transfer(t, dlq, seq, moved, m)
}

// transfer moves a message to the end of another queue, in its own group and
// without deduplication. The caller removes it from the backlog, and deletes a
// separate body.
func (q *queue) transfer(t *txn, to *queue, seq uint64, s stateRecord, m bodyRecord) {
	q.deleteState(t, seq)
	q.count--
	to.advance(t.now)
	to.addMessage(t, m, s)
}
