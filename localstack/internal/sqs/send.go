// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html

package sqs

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// A preparedMessage is a checked message, with what can be computed without the
// queue's lock.
type preparedMessage struct {
	in          SendMessageBatchRequestEntry
	size        int
	bodyMD5     string
	contentHash string // SHA-256 of the body, if it may be the deduplication ID
	trace       string
}

func prepareMessage(ctx context.Context, in SendMessageBatchRequestEntry) (preparedMessage, error) {
	if err := checkMessage(in); err != nil {
		return preparedMessage{}, err
	}
	p := preparedMessage{in: in, size: sizeOf(in), bodyMD5: md5Hex(in.MessageBody), trace: RequestFrom(ctx).TraceHeader}
	if trace, ok := in.MessageSystemAttributes["AWSTraceHeader"]; ok {
		p.trace = *trace.StringValue
	}
	if in.MessageGroupId != nil && in.MessageDeduplicationId == nil {
		sum := sha256.Sum256([]byte(in.MessageBody))
		p.contentHash = hex.EncodeToString(sum[:])
	}
	return p, nil
}

// A sendResult is what a send returns, besides the checksums.
type sendResult struct {
	id  string
	seq uint64 // 0 in a standard queue
}

func (s sendResult) sequenceNumber() string {
	if s.seq == 0 {
		return ""
	}
	const digits = "10000000000000000000" // AWS's have 20 digits
	n := strconv.FormatUint(s.seq, 10)
	return digits[:len(digits)-len(n)] + n
}

// SendMessage sends a message. For a duplicate within 5 minutes it returns the
// ID and the sequence number of the first one.
// Errors: InvalidMessageContents, InvalidParameterValue, MissingParameter.
func (e *Engine) SendMessage(ctx context.Context, in *SendMessageInput) (*SendMessageOutput, error) {
	out := &SendMessageOutput{}
	p, checkErr := prepareMessage(ctx, SendMessageBatchRequestEntry{
		MessageBody: in.MessageBody, DelaySeconds: in.DelaySeconds,
		MessageAttributes: in.MessageAttributes, MessageSystemAttributes: in.MessageSystemAttributes,
		MessageDeduplicationId: in.MessageDeduplicationId, MessageGroupId: in.MessageGroupId,
	})
	err := e.transact(ctx, in.QueueUrl, func(q *queue, t *txn) error {
		if checkErr != nil {
			return checkErr
		}
		s, err := q.send(t, p, "One or more parameters are invalid.")
		*out = SendMessageOutput{
			MD5OfMessageBody:             p.bodyMD5,
			MD5OfMessageAttributes:       attributesMD5(in.MessageAttributes),
			MD5OfMessageSystemAttributes: attributesMD5(in.MessageSystemAttributes),
			MessageId:                    s.id, SequenceNumber: s.sequenceNumber(),
		}
		return err
	})
	return out, err
}

// SendMessageBatch sends up to 10 messages. After a crash, all of those that
// succeeded are there, or none. Its errors are those of the batch as a whole;
// Failed has those of single entries.
func (e *Engine) SendMessageBatch(ctx context.Context, in *SendMessageBatchInput) (*SendMessageBatchOutput, error) {
	out := &SendMessageBatchOutput{}
	ids := make([]string, len(in.Entries))
	messages := make([]preparedMessage, len(in.Entries))
	entryErrs := make([]error, len(in.Entries))
	batchErr := checkBatchSize(in.Entries)
	for i, entry := range in.Entries {
		ids[i] = entry.Id
		if batchErr == nil && len(in.Entries) <= maxBatchEntries {
			messages[i], entryErrs[i] = prepareMessage(ctx, entry)
		}
	}
	err := e.transact(ctx, in.QueueUrl, func(q *queue, t *txn) error {
		if err := firstError(checkBatch("SendMessageBatchRequestEntry", ids), q.checkFIFOBatch(in.Entries), batchErr); err != nil {
			return err
		}
		var err error
		out.Failed, err = forEachEntry(ids, func(i int) error {
			if entryErrs[i] != nil {
				return entryErrs[i]
			}
			s, err := q.send(t, messages[i], "One or more parameters cannot be validated.")
			if err != nil {
				return err
			}
			out.Successful = append(out.Successful, SendMessageBatchResultEntry{
				Id: ids[i], MessageId: s.id, MD5OfMessageBody: messages[i].bodyMD5,
				MD5OfMessageAttributes:       attributesMD5(in.Entries[i].MessageAttributes),
				MD5OfMessageSystemAttributes: attributesMD5(in.Entries[i].MessageSystemAttributes),
				SequenceNumber:               s.sequenceNumber(),
			})
			return nil
		})
		return err
	})
	return out, err
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func checkBatchSize(entries []SendMessageBatchRequestEntry) error {
	total := 0
	for _, entry := range entries {
		total += sizeOf(entry)
	}
	if total > maxBatchBytes {
		return errorf(codeBatchTooLong, "Batch requests cannot be longer than %d bytes. You have sent %d bytes.", maxBatchBytes, total)
	}
	return nil
}

// checkFIFOBatch fails the whole batch for an entry without a group or a
// deduplication ID, as AWS does. SendMessage has another code for the group.
func (q *queue) checkFIFOBatch(entries []SendMessageBatchRequestEntry) error {
	for _, entry := range entries {
		if q.rec.FIFO && entry.MessageDeduplicationId == nil && !q.settings.contentDedup {
			return errNoDedupID()
		}
		if q.rec.FIFO && entry.MessageGroupId == nil {
			return errorf(codeInvalidParameter, "The request must contain the parameter MessageGroupId.")
		}
	}
	return nil
}

func errNoDedupID() error {
	return errorf(codeInvalidParameter, "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly")
}

// send checks a message against its queue and adds it. Texts of errors begin
// with lead.
func (q *queue) send(t *txn, p preparedMessage, lead string) (sendResult, error) {
	if p.size > q.settings.maxSize {
		return sendResult{}, errorf(codeInvalidParameter, "%s Reason: Message must be shorter than %d bytes.", lead, q.settings.maxSize)
	}
	if q.rec.FIFO {
		return q.sendFIFO(t, p)
	}
	if id := p.in.MessageDeduplicationId; id != nil {
		return sendResult{}, errValue(*id, "MessageDeduplicationId", "The request includes a parameter that is not valid for this queue type.")
	}
	delay := q.settings.delay
	if p.in.DelaySeconds != nil {
		delay = seconds(int64(*p.in.DelaySeconds))
	}
	delay += q.e.cfg.Faults.DeliveryDelay().Milliseconds()
	s := stateRecord{Sent: t.now}
	if delay > 0 {
		s.VisibleAt = t.now + delay
	}
	body := p.body("")
	q.addMessage(t, body, s)
	return sendResult{id: body.ID}, nil
}

func (q *queue) sendFIFO(t *txn, p preparedMessage) (sendResult, error) {
	if d := p.in.DelaySeconds; d != nil && *d != 0 {
		return sendResult{}, errValue(*d, "DelaySeconds", "The request include parameter that is not valid for this queue type.")
	}
	if p.in.MessageGroupId == nil {
		return sendResult{}, errMissing("MessageGroupId")
	}
	dedup := p.contentHash
	if p.in.MessageDeduplicationId != nil {
		dedup = *p.in.MessageDeduplicationId
	} else if !q.settings.contentDedup {
		return sendResult{}, errNoDedupID()
	}
	h := q.dedupHash(*p.in.MessageGroupId, dedup)
	if first, ok, err := q.findDuplicate(t, h); err != nil || ok {
		return first, err
	}
	body := p.body(dedup)
	seq := q.addMessage(t, body, stateRecord{Group: body.Group, Sent: t.now})
	q.recordDedupID(t, h, sendResult{body.ID, seq})
	return sendResult{id: body.ID, seq: seq}, nil
}

func (p *preparedMessage) body(dedup string) bodyRecord {
	m := bodyRecord{ID: awswire.RequestID(), Body: p.in.MessageBody, DedupID: dedup, Trace: p.trace, Attributes: p.in.MessageAttributes}
	if p.in.MessageGroupId != nil {
		m.Group = *p.in.MessageGroupId
	}
	return m
}

func uvarint(n int64) []byte { return binary.AppendUvarint(nil, uint64(n)) }
