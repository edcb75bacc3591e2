// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html

package sqs

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/kv"
)

// A receiveRequest is a checked ReceiveMessage request.
type receiveRequest struct {
	limit       int
	visibility  int64 // ms; -1: the queue's
	wait        int64 // s; -1: the queue's
	attemptID   string
	systemNames []string
	userNames   []string
}

// ReceiveMessage returns up to MaxNumberOfMessages messages, which are in flight
// from then on. With a wait it returns when there is a message, when the wait is
// over by the engine's clock, or when ctx ends. It receives nothing once ctx has
// ended.
// Errors: InvalidParameterValue, OverLimit, ctx's.
func (e *Engine) ReceiveMessage(ctx context.Context, in *ReceiveMessageInput) (*ReceiveMessageOutput, error) {
	q, err := e.findQueue(ctx, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	r, err := checkReceive(in, q.rec.FIFO)
	if err != nil {
		return nil, err
	}
	messages, pending, err := e.poll(ctx, q, r)
	if err != nil {
		return nil, err
	}
	return &ReceiveMessageOutput{Messages: messages}, e.waitDurable(pending)
}

// systemAttributes are the valid values of MessageSystemAttributeNames.
var systemAttributes = []string{
	"All", "SenderId", "SentTimestamp", "ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp", "SequenceNumber",
	"MessageDeduplicationId", "MessageGroupId", "AWSTraceHeader", "DeadLetterQueueSourceArn",
}

func checkReceive(in *ReceiveMessageInput, fifo bool) (r receiveRequest, err error) {
	r = receiveRequest{limit: 1, visibility: -1, wait: -1, attemptID: in.ReceiveRequestAttemptId, userNames: in.MessageAttributeNames}
	if n := in.MaxNumberOfMessages; n != nil {
		if *n < 1 || *n > 10 {
			return r, errValue(*n, "MaxNumberOfMessages", "Must be between 1 and 10, if provided.")
		}
		r.limit = int(*n)
	}
	if s := in.WaitTimeSeconds; s != nil {
		if *s < 0 || *s > 20 {
			return r, errValue(*s, "WaitTimeSeconds", "Must be >= 0 and <= 20, if provided.")
		}
		r.wait = int64(*s)
	}
	if s := in.VisibilityTimeout; s != nil {
		if err := checkVisibility(*s); err != nil {
			return r, err
		}
		r.visibility = seconds(int64(*s))
	}
	if r.attemptID != "" {
		if !fifo {
			return r, errValue(r.attemptID, "ReceiveRequestAttemptId", "The request includes a parameter that is not valid for this queue type.")
		}
		if err := checkID(&r.attemptID, "ReceiveRequestAttemptId"); err != nil {
			return r, err
		}
	}
	r.systemNames = append(slices.Clone(in.MessageSystemAttributeNames), in.AttributeNames...)
	for _, name := range r.systemNames {
		_, number := numberAttributes[name] // AWS accepts names of queue attributes, too
		if !slices.Contains(systemAttributes, name) && !number && computedAttributes[name] == nil && choiceAttributes[name] == nil && !documentAttributes[name] {
			return r, errorf(codeInvalidAttributeName, "Unknown Attribute %s.", name)
		}
	}
	return r, nil
}

func checkVisibility(s int32) error {
	if s < 0 || s > 43_200 {
		return errValue(s, "VisibilityTimeout", "Must be >= 0 and <= 43200, if provided.")
	}
	return nil
}

// poll receives messages. While there are none, it waits as long as r allows.
func (e *Engine) poll(ctx context.Context, q *queue, r receiveRequest) ([]Message, kv.Pending, error) {
	messages, pending, w, wait, err := q.tryReceive(ctx, r, nil, false)
	if w == nil {
		return messages, pending, err
	}
	waitOver, stopTimer := clock.After(e.Clock, wait)
	defer stopTimer()
	for last := false; ; {
		select {
		case <-w.wake:
		case <-ctx.Done():
		case <-e.Closing():
			last = true
		case <-waitOver:
			last = true
		}
		messages, pending, w, _, err = q.tryReceive(ctx, r, w, last)
		if w == nil {
			return messages, pending, err
		}
	}
}

// tryReceive makes one attempt to receive. w is the waiter of the previous attempt,
// or nil at the first. If there is nothing to return yet, it returns a waiter and
// how long that may wait; never at the last attempt.
func (q *queue) tryReceive(ctx context.Context, r receiveRequest, w *waiter, last bool) (messages []Message, pending kv.Pending, waiting *waiter, wait time.Duration, err error) {
	dlq, unlock := q.lockWithTarget()
	defer unlock()
	wait = q.waitOf(r)
	err = ctx.Err()
	turn := q.isFirstWaiter(w) || w == nil && wait == 0
	if err == nil && (turn || w == nil && r.attemptID != "") {
		messages, pending, err = q.receive(r, dlq, turn)
	}
	if err == nil && q.deleted {
		err = errNoQueue()
	}
	done := err != nil || len(messages) > 0 || last || wait == 0
	now := q.e.now()
	switch {
	case done && w != nil:
		q.removeWaiter(w)
		w = nil
	case !done && w == nil:
		w = q.addWaiter()
	case !done:
		w.reset()
	}
	q.wakeWaiter(now)
	return messages, pending, w, wait, err
}

func (q *queue) waitOf(r receiveRequest) time.Duration {
	if r.wait < 0 {
		return time.Duration(q.settings.wait) * time.Second
	}
	return time.Duration(r.wait) * time.Second
}

// receive requires the locks of the queue and of its dead-letter queue, if any. If
// it isn't the poll's turn, the poll can only get a repetition of its earlier
// result.
func (q *queue) receive(r receiveRequest, dlq *queue, turn bool) (messages []Message, p kv.Pending, err error) {
	p, err = q.transactLocked(func(q *queue, t *txn) error {
		var ok bool
		if messages, ok, err = q.replayAttempt(t, r); ok || err != nil || !turn {
			return err
		}
		if q.backlog.hasAvailable() && q.e.cfg.Faults.EmptyReceive() {
			return nil
		}
		if !q.rec.FIFO && len(q.inFlight) >= maxInFlight {
			return errorf(codeOverLimit, "The maximum number of in flight messages is reached: %d.", maxInFlight)
		}
		var receipts []attemptMessage
		messages, receipts, err = q.takeMessages(t, r, dlq)
		if err == nil {
			q.saveAttempt(t, r.attemptID, receipts)
		}
		return err
	})
	if dlq != nil {
		dlq.wakeWaiter(q.e.now())
	}
	return messages, p, err
}

func (q *queue) takeMessages(t *txn, r receiveRequest, dlq *queue) (messages []Message, receipts []attemptMessage, err error) {
	visibleAt := t.now + q.visibilityOf(r)
	q.backlog.take(t.now, func(seq uint64, g *group) verdict {
		if len(messages) == r.limit || len(q.inFlight) >= maxInFlight {
			return stop
		}
		if q.e.cfg.Faults.SkipMessage() {
			return skipped
		}
		s, body, inlineBody, readErr := q.loadMessage(seq)
		switch {
		case readErr != nil:
			err = readErr
			return stop
		case q.isExpired(t, s):
			q.expire(seq)
			return dropped
		case dlq != nil && s.Count >= q.settings.redrive.maxReceive:
			q.moveToDeadLetterQueue(t, dlq, seq, s, body)
			return dropped
		}
		s.Count++
		s.Received, s.VisibleAt, s.VisibilityChanged = t.now, visibleAt, false
		if !q.rec.FIFO && q.e.cfg.Faults.Duplicate() {
			s.VisibleAt = t.now
		}
		if s.First == 0 {
			s.First = t.now
		}
		q.saveState(t, seq, s, inlineBody)
		q.addInFlight(seq, s, g)
		messages = append(messages, q.toMessage(seq, s, body, r))
		receipts = append(receipts, attemptMessage{Seq: seq, Count: s.Count})
		return taken
	})
	return messages, receipts, err
}

func (q *queue) visibilityOf(r receiveRequest) int64 {
	if r.visibility < 0 {
		return q.settings.visibility
	}
	return r.visibility
}

func (q *queue) toMessage(seq uint64, s stateRecord, m bodyRecord, r receiveRequest) Message {
	user := selectAttributes(m.Attributes, r.userNames)
	return Message{
		MessageId:              m.ID,
		ReceiptHandle:          q.handle(receipt{seq: seq, count: s.Count}),
		MD5OfBody:              md5Hex(m.Body),
		Body:                   m.Body,
		Attributes:             q.systemAttributes(seq, s, m, r.systemNames),
		MD5OfMessageAttributes: attributesMD5(user),
		MessageAttributes:      user,
	}
}

func (q *queue) systemAttributes(seq uint64, s stateRecord, m bodyRecord, names []string) map[string]string {
	if len(names) == 0 {
		return nil
	}
	all := map[string]string{
		"SenderId":                         awswire.Account,
		"SentTimestamp":                    decimal(s.Sent),
		"ApproximateReceiveCount":          strconv.FormatUint(uint64(s.Count), 10),
		"ApproximateFirstReceiveTimestamp": decimal(s.First),
		"MessageDeduplicationId":           m.DedupID,
		"MessageGroupId":                   m.Group,
		"AWSTraceHeader":                   m.Trace,
		"DeadLetterQueueSourceArn":         s.Source,
	}
	if q.rec.FIFO {
		all["SequenceNumber"] = sendResult{seq: seq}.sequenceNumber()
	}
	chosen := map[string]string{}
	for name, value := range all {
		if value != "" && (slices.Contains(names, "All") || slices.Contains(names, name)) {
			chosen[name] = value
		}
	}
	return chosen
}

// selectAttributes selects attributes by name, by prefix ("foo.*"), or all (All,
// ".*").
func selectAttributes(attributes map[string]MessageAttributeValue, names []string) map[string]MessageAttributeValue {
	var chosen map[string]MessageAttributeValue
	for name, value := range attributes {
		if !slices.ContainsFunc(names, func(pattern string) bool { return matchesPattern(pattern, name) }) {
			continue
		}
		if chosen == nil {
			chosen = map[string]MessageAttributeValue{}
		}
		chosen[name] = value
	}
	return chosen
}

func matchesPattern(pattern, name string) bool {
	if pattern == "All" || pattern == "*" || pattern == name {
		return true
	}
	prefix, ok := strings.CutSuffix(pattern, ".*")
	return ok && strings.HasPrefix(name, prefix)
}
