// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_PurgeQueue.html
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueUrl.html
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListQueues.html
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListDeadLetterSourceQueues.html

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

// cooldown is the time that AWS requires between deleting a queue and creating
// one with its name, and between two purges, in ms.
const cooldown = 60_000

// isName reports whether s matches [A-Za-z0-9_-]{1,80}: the rule for names of
// queues, IDs of batch entries and labels of permissions.
func isName(s string) bool {
	return len(s) >= 1 && len(s) <= 80 && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-'
	})
}

// CreateQueue creates a queue, or returns the one that has the name and the
// attributes. Errors: InvalidParameterValue (name), InvalidAttributeName,
// InvalidAttributeValue, QueueNameExists, QueueDeletedRecently.
func (e *Engine) CreateQueue(ctx context.Context, in *CreateQueueInput) (*CreateQueueOutput, error) {
	fifo := strings.EqualFold(in.Attributes["FifoQueue"], "true")
	if err := checkQueueName(in.QueueName, fifo); err != nil {
		return nil, err
	}
	pending, err := e.createOrGet(regionOf(ctx), in, fifo)
	if err != nil {
		return nil, e.toAnswer(err)
	}
	return &CreateQueueOutput{QueueUrl: queueURL(ctx, in.QueueName)}, e.waitDurable(pending)
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

func (e *Engine) createOrGet(region string, in *CreateQueueInput, fifo bool) (kv.Pending, error) {
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

// checkSameAttributes returns QueueNameExists unless the queue has those attributes.
func (q *queue) checkSameAttributes(attributes map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		if canonicalValue(name, attributes[name]) != attribute(q.rec.Attributes, name) {
			return errorf(codeQueueExists, "A queue already exists with the same name and a different value for attribute %s", name)
		}
	}
	return nil
}

func (e *Engine) checkDeletedRecently(region, name string, now int64) error {
	v, ok, err := e.Keys.Get(deletedKey(region, name))
	if err != nil || !ok || e.cfg.NoCooldown {
		return err
	}
	if r := (recordReader{b: v}); now < int64(r.uint())+cooldown {
		return errorf(codeDeletedRecently, "You must wait 60 seconds after deleting a queue before you can create another with the same name.")
	}
	return nil
}

func (e *Engine) createNew(region string, in *CreateQueueInput, fifo bool, now int64) (kv.Pending, error) {
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
	t := &txn{Batch: e.Store.NewBatch(), now: now}
	t.Set(e.Keys, []byte{kindCounter}, appendUint64(nil, q.id))
	t.Delete(e.Keys, deletedKey(region, in.QueueName))
	q.saveRecord(t)
	p, err := q.apply(t)
	if err == nil {
		e.lastQueue = q.id
		e.queues[queueName{region, in.QueueName}] = q
	}
	return p, err
}

func (q *queue) saveRecord(t *txn) {
	v, _ := json.Marshal(q.rec) // never fails
	t.Set(q.e.Keys, queueKey(kindQueue, q.id), v)
}

// DeleteQueue deletes a queue and its messages. Long polls on it end with
// QueueDoesNotExist.
func (e *Engine) DeleteQueue(ctx context.Context, in *DeleteQueueInput) (*DeleteQueueOutput, error) {
	q, err := e.findQueue(ctx, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	pending, err := q.transact(func(q *queue, t *txn) error {
		q.deleteQueue(t)
		delete(e.queues, queueName{q.rec.Region, q.rec.Name})
		return nil
	})
	e.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return &DeleteQueueOutput{}, e.waitDurable(pending)
}

func (q *queue) deleteQueue(t *txn) {
	q.deleteAllMessages(t)
	t.Delete(q.e.Keys, queueKey(kindQueue, q.id))
	t.Delete(q.e.Keys, queueKey(kindLastSeq, q.id))
	t.Set(q.e.Keys, deletedKey(q.rec.Region, q.rec.Name), uvarint(t.now))
	q.deleted = true
	q.wakeTimer.stop()
}

// deleteAllMessages also deletes the records of the deduplication window.
func (q *queue) deleteAllMessages(t *txn) {
	q.saveLastSeq(t)
	for _, kind := range messageKinds {
		t.DeleteRange(q.e.Keys, queueKey(kind, q.id), queueKey(kind, q.id+1))
	}
	q.reset()
}

// PurgeQueue deletes all messages, also those in flight, and empties the
// deduplication window. Error: PurgeQueueInProgress, within 60 s of the last.
func (e *Engine) PurgeQueue(ctx context.Context, in *PurgeQueueInput) (*PurgeQueueOutput, error) {
	return &PurgeQueueOutput{}, e.transact(ctx, in.QueueUrl, func(q *queue, t *txn) error {
		if q.rec.Purged != 0 && t.now < q.rec.Purged+cooldown && !e.cfg.NoCooldown {
			return awswire.Errorf(403, codePurgeInProgress, "Only one PurgeQueue operation on %s is allowed every 60 seconds.", q.rec.Name)
		}
		q.deleteAllMessages(t)
		q.rec.Purged = t.now
		q.saveRecord(t)
		return nil
	})
}

func (e *Engine) GetQueueUrl(ctx context.Context, in *GetQueueUrlInput) (*GetQueueUrlOutput, error) {
	if in.QueueName == "" {
		return nil, errMissing("QueueName")
	}
	if in.QueueOwnerAWSAccountId != "" && in.QueueOwnerAWSAccountId != awswire.Account {
		return nil, errNoQueue()
	}
	q, err := e.queueByName(regionOf(ctx), in.QueueName)
	if err != nil {
		return nil, err
	}
	return &GetQueueUrlOutput{QueueUrl: queueURL(ctx, q.rec.Name)}, nil
}

// ListQueues returns the queues of the region in the order of their names.
// Without MaxResults it returns up to 1,000 and, as AWS does, no token.
func (e *Engine) ListQueues(ctx context.Context, in *ListQueuesInput) (*ListQueuesOutput, error) {
	names := e.queueNames(regionOf(ctx), func(q *queue) bool { return strings.HasPrefix(q.rec.Name, in.QueueNamePrefix) })
	page, token, err := pageOf(names, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &ListQueuesOutput{QueueUrls: queueURLs(ctx, page), NextToken: token}, nil
}

// ListDeadLetterSourceQueues returns the queues that use this one as dead-letter
// queue.
func (e *Engine) ListDeadLetterSourceQueues(ctx context.Context, in *ListDeadLetterSourceQueuesInput) (*ListDeadLetterSourceQueuesOutput, error) {
	dlq, err := e.findQueue(ctx, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	names := e.queueNames(regionOf(ctx), func(q *queue) bool { return q.redriveTarget() == dlq.arn() })
	page, token, err := pageOf(names, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &ListDeadLetterSourceQueuesOutput{QueueUrls: queueURLs(ctx, page), NextToken: token}, nil
}

func queueURLs(ctx context.Context, names []string) []string {
	urls := make([]string, len(names))
	for i, name := range names {
		urls[i] = queueURL(ctx, name)
	}
	return urls
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

// pageOf returns one page of sorted names. A token is the last name of the page
// before.
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
