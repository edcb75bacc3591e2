package sqs

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/kv"
)

// cooldown is how long AWS wants between deleting a queue and creating its
// like, and between two purges, in ms.
const cooldown = 60_000

// isName is the rule for queue names, [A-Za-z0-9_-]{1,80}, which is also that of
// batch entries' IDs and of permissions' labels.
func isName(s string) bool {
	return len(s) >= 1 && len(s) <= 80 && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-'
	})
}

// CreateQueue creates a queue, or answers with the one that has that name and
// those attributes. Errors: InvalidParameterValue (name), InvalidAttributeName,
// InvalidAttributeValue, QueueNameExists, QueueDeletedRecently.
func (e *Engine) CreateQueue(_ context.Context, sc Scope, in CreateQueueInput) (out CreateQueueOutput, err error) {
	if err := e.enter(); err != nil {
		return out, err
	}
	defer e.leave()
	fifo := strings.EqualFold(in.Attributes["FifoQueue"], "true")
	if err := checkQueueName(in.QueueName, fifo); err != nil {
		return out, err
	}
	pending, err := e.createOrGet(sc.Region, in, fifo)
	if err != nil {
		return out, e.toAnswer(err)
	}
	return CreateQueueOutput{QueueUrl: sc.queueURL(in.QueueName)}, e.waitDurable(pending)
}

func checkQueueName(name string, fifo bool) error {
	if name == "" {
		return errMissing("QueueName")
	}
	plain, suffix := strings.CutSuffix(name, ".fifo")
	if fifo && !suffix {
		return errorf(codeInvalidParameter, "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length")
	}
	if suffix && !fifo || len(name) > 80 || !isName(plain) {
		return errorf(codeInvalidParameter, "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	return nil
}

func (e *Engine) createOrGet(region string, in CreateQueueInput, fifo bool) (kv.Pending, error) {
	if err := firstError(checkAttributes(in.Attributes, fifo), checkCombination(in.Attributes)); err != nil {
		return kv.Pending{}, err
	}
	if err := e.checkRedrive(region, in.QueueName, fifo, in.Attributes); err != nil {
		return kv.Pending{}, err
	}
	if err := checkTags(in.Tags); err != nil {
		return kv.Pending{}, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if q, ok := e.queues[queueName{region, in.QueueName}]; ok {
		return q.transact(func(q *queue, t *txn) error {
			t.awaitEarlierWrites = true
			return q.checkSameAttributes(in.Attributes)
		})
	}
	now := e.now()
	if err := e.checkDeletedRecently(region, in.QueueName, now); err != nil {
		return kv.Pending{}, err
	}
	return e.createNew(region, in, fifo, now)
}

// sameAs is QueueNameExists unless the queue has those attributes.
func (q *queue) checkSameAttributes(attributes map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		if canonicalValue(name, attributes[name]) != attribute(q.rec.Attributes, name) {
			return errorf(codeQueueExists, "A queue already exists with the same name and a different value for attribute %s", name)
		}
	}
	return nil
}

func (e *Engine) checkDeletedRecently(region, name string, now int64) error {
	v, ok, err := e.space.Get(deletedKey(region, name))
	if err != nil || !ok || e.cfg.NoCooldown {
		return err
	}
	if r := (recordReader{b: v}); now < int64(r.uint())+cooldown {
		return errorf(codeDeletedRecently, "You must wait 60 seconds after deleting a queue before you can create another with the same name.")
	}
	return nil
}

func (e *Engine) createNew(region string, in CreateQueueInput, fifo bool, now int64) (kv.Pending, error) {
	if err := e.checkWritable(); err != nil {
		return kv.Pending{}, err
	}
	rec := queueRecord{
		Region: region, Name: in.QueueName, FIFO: fifo, Created: now, Modified: now,
		Salt: make([]byte, 16), Attributes: mergeAttributes(nil, in.Attributes), Tags: in.Tags,
		GroupDedup: in.Attributes["DeduplicationScope"] == "messageGroup",
	}
	_, _ = rand.Read(rec.Salt) // never fails
	q, err := newQueue(e, e.lastQueue+1, rec)
	if err != nil {
		return kv.Pending{}, err
	}
	t := &txn{Batch: e.cfg.Store.NewBatch(), now: now}
	t.Set(e.space, []byte{kindCounter}, appendUint64(nil, q.id))
	t.Delete(e.space, deletedKey(region, in.QueueName))
	q.saveRecord(t)
	p, err := q.apply(t)
	if err == nil {
		e.lastQueue = q.id
		e.queues[queueName{region, in.QueueName}] = q
	}
	return p, err
}

// save writes the queue's record.
func (q *queue) saveRecord(t *txn) {
	v, _ := json.Marshal(q.rec) // strings, numbers, bytes: always marshals
	t.Set(q.e.space, queueKey(kindQueue, q.id), v)
}

// DeleteQueue deletes a queue with its messages. Polls that wait on it end with
// QueueDoesNotExist.
func (e *Engine) DeleteQueue(_ context.Context, sc Scope, in DeleteQueueInput) (out DeleteQueueOutput, err error) {
	if err := e.enter(); err != nil {
		return out, err
	}
	defer e.leave()
	q, err := e.findQueue(sc, in.QueueUrl)
	if err != nil {
		return out, err
	}
	e.mu.Lock()
	pending, err := q.transact(func(q *queue, t *txn) error {
		q.deleteQueue(t)
		delete(e.queues, queueName{q.rec.Region, q.rec.Name})
		return nil
	})
	e.mu.Unlock()
	if err != nil {
		return out, err
	}
	return out, e.waitDurable(pending)
}

func (q *queue) deleteQueue(t *txn) {
	q.deleteAllMessages(t)
	t.Delete(q.e.space, queueKey(kindQueue, q.id))
	t.Delete(q.e.space, queueKey(kindLastSeq, q.id))
	t.Set(q.e.space, deletedKey(q.rec.Region, q.rec.Name), uvarint(t.now))
	q.deleted = true
	q.wakeTimer.disarm()
}

// clear removes all messages, and what is remembered of former ones.
func (q *queue) deleteAllMessages(t *txn) {
	q.saveLastSeq(t)
	for _, kind := range messageKinds {
		t.DeleteRange(q.e.space, queueKey(kind, q.id), queueKey(kind, q.id+1))
	}
	q.reset()
}

// PurgeQueue deletes all messages, those in flight too, and forgets the
// deduplication window. Error: PurgeQueueInProgress, within 60 s of the last.
func (e *Engine) PurgeQueue(_ context.Context, sc Scope, in PurgeQueueInput) (out PurgeQueueOutput, err error) {
	return out, e.transact(sc, in.QueueUrl, func(q *queue, t *txn) error {
		if q.rec.Purged != 0 && t.now < q.rec.Purged+cooldown && !e.cfg.NoCooldown {
			return awswire.Errorf(403, codePurgeInProgress, "Only one PurgeQueue operation on %s is allowed every 60 seconds.", q.rec.Name)
		}
		q.deleteAllMessages(t)
		q.rec.Purged = t.now
		q.saveRecord(t)
		return nil
	})
}

// GetQueueUrl answers with the URL of a queue that exists.
func (e *Engine) GetQueueUrl(_ context.Context, sc Scope, in GetQueueUrlInput) (out GetQueueUrlOutput, err error) {
	if err := e.enter(); err != nil {
		return out, err
	}
	defer e.leave()
	if in.QueueName == "" {
		return out, errMissing("QueueName")
	}
	if in.QueueOwnerAWSAccountId != "" && in.QueueOwnerAWSAccountId != awswire.Account {
		return out, errNoQueue()
	}
	q, err := e.queueByName(sc.Region, in.QueueName)
	if err != nil {
		return out, err
	}
	return GetQueueUrlOutput{QueueUrl: sc.queueURL(q.rec.Name)}, nil
}

// ListQueues answers with the region's queues by name. Without MaxResults it
// gives up to 1,000 and, as AWS does, no token.
func (e *Engine) ListQueues(_ context.Context, sc Scope, in ListQueuesInput) (out ListQueuesOutput, err error) {
	if err := e.enter(); err != nil {
		return out, err
	}
	defer e.leave()
	names := e.queueNames(sc.Region, func(q *queue) bool { return strings.HasPrefix(q.rec.Name, in.QueueNamePrefix) })
	page, token, err := pageOf(names, in.MaxResults, in.NextToken)
	for _, name := range page {
		out.QueueUrls = append(out.QueueUrls, sc.queueURL(name))
	}
	out.NextToken = token
	return out, err
}

// ListDeadLetterSourceQueues answers with the queues whose RedrivePolicy
// names this one.
func (e *Engine) ListDeadLetterSourceQueues(_ context.Context, sc Scope, in ListDeadLetterSourceQueuesInput) (out ListDeadLetterSourceQueuesOutput, err error) {
	if err := e.enter(); err != nil {
		return out, err
	}
	defer e.leave()
	dlq, err := e.findQueue(sc, in.QueueUrl)
	if err != nil {
		return out, err
	}
	names := e.queueNames(sc.Region, func(q *queue) bool { return q.redriveTarget() == dlq.arn() })
	page, token, err := pageOf(names, in.MaxResults, in.NextToken)
	out.QueueUrls = []string{}
	for _, name := range page {
		out.QueueUrls = append(out.QueueUrls, sc.queueURL(name))
	}
	out.NextToken = token
	return out, err
}

func (e *Engine) queueNames(region string, keep func(q *queue) bool) []string {
	e.mu.RLock()
	defer e.mu.RUnlock()
	var names []string
	for key, q := range e.queues {
		if key.region == region && keep(q) {
			names = append(names, key.name)
		}
	}
	slices.Sort(names)
	return names
}

const maxPage = 1000

// pageOf cuts a page out of sorted names. A token is the last name given.
func pageOf(names []string, limit *int32, token string) (page []string, next string, err error) {
	n := maxPage
	if limit != nil {
		if n = int(*limit); n < 1 || n > maxPage {
			return nil, "", errValue(n, "MaxResults", "MaxResults must be an integer between 1 and 1000.")
		}
	}
	if token != "" {
		after, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil {
			return nil, "", errValue(token, "NextToken", "The token is not valid.")
		}
		i, found := slices.BinarySearch(names, string(after))
		if found {
			i++
		}
		names = names[i:]
	}
	if len(names) <= n {
		return names, "", nil
	}
	if limit != nil {
		next = base64.RawURLEncoding.EncodeToString([]byte(names[n-1]))
	}
	return names[:n], next, nil
}
