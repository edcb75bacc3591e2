// Package dynamo is the Store on DynamoDB.
//
// Three tables, split by how data changes, because DynamoDB bills whole items:
//
//	jobs     pk = job ID (a ULID), sk:
//	         spec           written once; in the indexes byOwner and byMonth
//	         state          ≤ 1 KB, rewritten whole at each transition, and with
//	                        a small result once it is over; in the sparse
//	                        index fresh (until the sweep looks at it), then in
//	                        active (while it isn't over) and due; and in
//	                        waiting (while it is found by its kind)
//	         dependent#<ID> another job waits, or waited, for this one
//	         result#NNNN    what attempt NNNN reported, if it is larger
//	         and pk = claim#<hash>, sk = claim: idempotency keys, 24 hours;
//	         pk = kinds#QUEUE, sk = kinds: which kinds of requirements wait;
//	         pk = group#QUEUE#GROUP, sk = group: what a group requires;
//	         pk = schedules, sk = OWNER#NAME: a schedule, in the index due, too;
//	         pk = schedule#OWNER#NAME, sk = job ID: its jobs, 60 days
//	workers  pk = worker ID; gone 7 days after it was last seen
//	         and pk = #queues: the queues that people made, and the paused ones
//	tokens   pk = SHA-256 of the token
//	         and pk = code#<SHA-256>: a code that starts a session, a minute
//
// The indexes hold keys only, fresh dueAt as well, and none has a constant partition key:
// byOwner is owner#yyyymm#shard, byMonth yyyymm#shard, fresh and active queue#shard, due a
// shard, waiting queue#kind. A list asks all shards of a month and merges. A heartbeat
// touches no index.
//
// A write is conditional on the revision that it was made of. Each carries a
// random mark, so that a write which was applied though its answer was lost is
// recognised when the SDK tries it again and finds the condition broken.
package dynamo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/internal/control"
)

// Tables are the tables' names.
type Tables struct{ Jobs, Workers, Tokens string }

// Store is the control.Store on DynamoDB.
type Store struct {
	db     client
	tables Tables
	clock  clock.Clock
}

var _ control.Store = (*Store)(nil)

// New returns a Store. clk tells which items are past their TTL: DynamoDB may
// keep them readable for days.
func New(db *dynamodb.Client, tables Tables, clk clock.Clock) *Store {
	return &Store{db: client{db: db}, tables: tables, clock: clk}
}

// WithLimit makes the Store call DynamoDB within the limit. It returns s.
func (s *Store) WithLimit(l *control.Limit) *Store {
	s.db.limit = l
	return s
}

const (
	shards = 4
	day    = 24 * time.Hour
	// A job may wait 13 days, then run 10 times for 14 days each. Its state lives
	// 60 days beyond its creation and each attempt's start, and 30 beyond its
	// end; the spec, which is never written again, longer than all of that.
	specLifetime     = 200 * day
	openLifetime     = 60 * day
	finishedLifetime = 30 * day
	workerLifetime   = 7 * day
	claimLifetime    = day
)

// meta is in every item: the mark of the write that made it, and its TTL.
type meta struct {
	Mark string `dynamodbav:"mark,omitempty"`
	TTL  int64  `dynamodbav:"ttl,omitempty"` // seconds since 1970
}

// expired reports whether an item is past its TTL.
func (s *Store) expired(it item) bool {
	n, ok := it["ttl"].(*types.AttributeValueMemberN)
	if !ok {
		return false
	}
	ttl, err := strconv.ParseInt(n.Value, 10, 64)
	return err == nil && ttl <= s.clock.Now().Unix()
}

// newMark marks a write.
func newMark() string { return rand.Text()[:12] }

// shard spreads ids over an index's partitions.
func shard(id string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // never fails
	return strconv.Itoa(int(h.Sum32() % shards))
}

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
func num(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

// item is a DynamoDB item.
type item = map[string]types.AttributeValue

func key(pk, sk string) item { return item{"pk": str(pk), "sk": str(sk)} }

// get reads one item into out, strongly consistent. Errors: control.ErrNotFound.
func (s *Store) get(ctx context.Context, table string, k item, out any) error {
	return s.getItem(ctx, table, k, true, out)
}

// getItem is get; unless consistent, it may lag behind, and costs half.
func (s *Store) getItem(ctx context.Context, table string, k item, consistent bool, out any) error {
	res, err := s.db.GetItem(ctx, &dynamodb.GetItemInput{TableName: &table, Key: k, ConsistentRead: &consistent})
	if err != nil {
		return fmt.Errorf("get from %s: %w", table, err)
	}
	return s.decode(res.Item, out)
}

// decode reads an item into out, unless there is none or it is past its TTL.
func (s *Store) decode(it item, out any) error {
	if len(it) == 0 || s.expired(it) {
		return control.ErrNotFound
	}
	if err := attributevalue.UnmarshalMap(it, out); err != nil {
		return fmt.Errorf("decode item: %w", err)
	}
	return nil
}

// put writes rec if the item is at revision rev; 0: if it isn't there, or is
// past its TTL. Where the condition fails because this very write, by its mark,
// was applied before, that is success. Else it returns the item that is there,
// and control.ErrConflict.
func (s *Store) put(ctx context.Context, table string, rec any, mark string, rev int) (old item, err error) {
	it, err := attributevalue.MarshalMap(rec)
	if err != nil {
		return nil, fmt.Errorf("encode item: %w", err)
	}
	in := &dynamodb.PutItemInput{
		TableName: &table, Item: it,
		ConditionExpression:                 aws.String("rev = :rev"),
		ExpressionAttributeValues:           item{":rev": num(int64(rev))},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	if rev == 0 {
		in.ConditionExpression = aws.String("attribute_not_exists(pk) OR #ttl <= :now")
		in.ExpressionAttributeNames = map[string]string{"#ttl": "ttl"}
		in.ExpressionAttributeValues = item{":now": num(s.clock.Now().Unix())}
	}
	_, err = s.db.PutItem(ctx, in)
	var failed *types.ConditionalCheckFailedException
	if !errors.As(err, &failed) {
		return nil, wrap(err, "put into "+table)
	}
	if m, ok := failed.Item["mark"].(*types.AttributeValueMemberS); ok && m.Value == mark {
		return nil, nil
	}
	return failed.Item, control.ErrConflict
}

func wrap(err error, op string) error {
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return nil
}

// millis and fromMillis keep a time as a number; the zero time is 0.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
