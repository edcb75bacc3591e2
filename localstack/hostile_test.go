package localstack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

// hostileWorld is a hostile stack, with clients that try for as long as it takes.
type hostileWorld struct {
	*Stack
	t     *testing.T
	clock *ManualClock
	sqs   *sqs.Client
	db    *dynamodb.Client
	s3    *s3.Client
}

func startHostile(t *testing.T, seed uint64, change ...func(*Hostile)) *hostileWorld {
	t.Helper()
	h := HostileProfile(seed)
	for _, f := range change {
		f(h)
	}
	clk := NewManualClock(time.Now())
	s := start(t, Config{Hostile: h, Clock: clk})
	c := s.AWSConfig()
	c.Retryer = stubborn
	return &hostileWorld{s, t, clk, sqs.NewFromConfig(c), dynamodb.NewFromConfig(c), s3.NewFromConfig(c)}
}

// hostileOf is a profile of one's own.
func hostileOf(f func(*Hostile)) *Hostile {
	h := &Hostile{}
	f(h)
	return h
}

// stubborn tries again at once, and never gives up on what may pass.
func stubborn() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = 100
		o.RateLimiter = unlimited{}
		o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
		o.Retryables = append(o.Retryables, retry.RetryableErrorCode{Codes: map[string]struct{}{
			"TransactionConflictException": {}, "TransactionCanceledException": {}, "InternalServerError": {},
		}})
	})
}

type unlimited struct{}

func (unlimited) GetToken(context.Context, uint) (func() error, error) {
	return func() error { return nil }, nil
}
func (unlimited) AddTokens(uint) error { return nil }

// seen checks that kinds of hostility have happened, each.
func (w *hostileWorld) seen(kinds ...string) {
	w.t.Helper()
	happened := w.Hostility()
	for _, k := range kinds {
		if happened[k] == 0 {
			w.t.Errorf("%s has not happened once: the test shows nothing of it (%v)", k, happened)
		}
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (w *hostileWorld) queue(name string, attributes map[string]string) *string {
	w.t.Helper()
	return must[*sqs.CreateQueueOutput](w.t)(w.sqs.CreateQueue(w.t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})).QueueUrl
}

var wireKinds = []string{"throttled", "failed", "failedAfter", "lostRequest", "lostAnswer"}

func of(service string, kinds ...string) (names []string) {
	for _, k := range append(slices.Clone(wireKinds), kinds...) {
		names = append(names, service+"."+k)
	}
	return names
}

// TestHostileFIFO: groups are shuffled against each other, receives come back
// empty, answers are lost; yet each message comes out, once, in its group's order.
func TestHostileFIFO(t *testing.T) {
	w := startHostile(t, 1)
	ctx := t.Context()
	url := w.queue("q.fifo", map[string]string{"FifoQueue": "true"})
	const groups, each = 8, 12
	for i := range each {
		for g := range groups {
			_, err := w.sqs.SendMessage(ctx, &sqs.SendMessageInput{
				QueueUrl: url, MessageBody: aws.String(strconv.Itoa(i)),
				MessageGroupId: aws.String(fmt.Sprint("g", g)), MessageDeduplicationId: aws.String(fmt.Sprintf("%d-%d", g, i)),
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	next := map[string]int{}
	var order []string
	empty, got := 0, 0
	for got < groups*each {
		out := must[*sqs.ReceiveMessageOutput](t)(w.sqs.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: url, MessageSystemAttributeNames: []sqstypes.MessageSystemAttributeName{"MessageGroupId"},
			// Where the answer is lost, this gives the same again.
			ReceiveRequestAttemptId: aws.String(fmt.Sprint("attempt", got, "-", empty)),
		}))
		if len(out.Messages) == 0 {
			if empty++; empty > 10_000 {
				t.Fatal("the queue never gives its messages out")
			}
			continue
		}
		m := out.Messages[0]
		g := m.Attributes["MessageGroupId"]
		if want := strconv.Itoa(next[g]); *m.Body != want {
			t.Fatalf("group %s: message %s came, want %s", g, *m.Body, want)
		}
		next[g]++
		got++
		order = append(order, g)
		// What was deleted and whose answer was lost is deleted.
		if _, err := w.sqs.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: m.ReceiptHandle}); err != nil {
			t.Fatal(err)
		}
	}
	if empty == 0 {
		t.Error("no receive came back empty")
	}
	if slices.Equal(order, slices.Repeat(order[:groups], each)) {
		t.Errorf("the groups take turns as if nothing were the matter: %v", order)
	}
	w.clock.Advance(13 * time.Hour)
	last := must[*sqs.ReceiveMessageOutput](t)(w.sqs.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: 10}))
	if len(last.Messages) > 0 {
		t.Errorf("%d messages came again", len(last.Messages))
	}
	w.seen(of("sqs", "empty", "passed")...)
}

// TestHostileStandard: messages come twice and late, counts are off; none is lost.
func TestHostileStandard(t *testing.T) {
	w := startHostile(t, 2)
	ctx := t.Context()
	url := w.queue("q", nil)
	const n = 100
	for i := range n {
		if _, err := w.sqs.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: url, MessageBody: aws.String(strconv.Itoa(i))}); err != nil {
			t.Fatal(err)
		}
	}
	off := false
	for range 30 {
		out := must[*sqs.GetQueueAttributesOutput](t)(w.sqs.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
			QueueUrl: url, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameApproximateNumberOfMessagesNotVisible},
		}))
		off = off || out.Attributes["ApproximateNumberOfMessagesNotVisible"] != "0"
	}
	if !off {
		t.Error("the approximate count is exact")
	}
	times := map[string]int{}
	for range 2000 { // 40 s
		out := must[*sqs.ReceiveMessageOutput](t)(w.sqs.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: url, VisibilityTimeout: 20}))
		for _, m := range out.Messages {
			times[*m.Body]++
		}
		w.clock.Advance(20 * time.Millisecond)
	}
	if len(times) != n {
		t.Errorf("%d of %d messages came", len(times), n)
	}
	if slices.Max(slices.Collect(maps.Values(times))) < 2 {
		t.Error("no message came twice")
	}
	w.seen("sqs.duplicate", "sqs.late", "sqs.miscount")
}

func (w *hostileWorld) table(name string) *string {
	w.t.Helper()
	_, err := w.db.CreateTable(w.t.Context(), &dynamodb.CreateTableInput{
		TableName: &name, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("pk"), AttributeType: "S"}, {AttributeName: aws.String("kind"), AttributeType: "S"},
		},
		KeySchema: []types.KeySchemaElement{{AttributeName: aws.String("pk"), KeyType: "HASH"}},
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName: aws.String("byKind"), Projection: &types.Projection{ProjectionType: "ALL"},
			KeySchema: []types.KeySchemaElement{{AttributeName: aws.String("kind"), KeyType: "HASH"}, {AttributeName: aws.String("pk"), KeyType: "RANGE"}},
		}},
	})
	var inUse *types.ResourceInUseException // an answer was lost
	if err != nil && !errors.As(err, &inUse) {
		w.t.Fatal(err)
	}
	return &name
}

func thing(pk string, n int) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: pk}, "kind": &types.AttributeValueMemberS{Value: "thing"},
		"n": &types.AttributeValueMemberN{Value: strconv.Itoa(n)},
	}
}

func (w *hostileWorld) inIndex(table *string) int {
	w.t.Helper()
	out := must[*dynamodb.QueryOutput](w.t)(w.db.Query(w.t.Context(), &dynamodb.QueryInput{
		TableName: table, IndexName: aws.String("byKind"), KeyConditionExpression: aws.String("kind = :k"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":k": &types.AttributeValueMemberS{Value: "thing"}},
	}))
	return len(out.Items)
}

// TestHostileTable: reads lag, by the clock, and consistent ones never do;
// conditional writes hold whatever happened to their answers.
func TestHostileTable(t *testing.T) {
	w := startHostile(t, 3)
	ctx := t.Context()
	table := w.table("things")
	lagged, stale := false, false
	key := map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "counter"}}
	count := func(consistent bool) string {
		out := must[*dynamodb.GetItemOutput](t)(w.db.GetItem(ctx, &dynamodb.GetItemInput{TableName: table, Key: key, ConsistentRead: &consistent}))
		if out.Item == nil {
			return ""
		}
		return out.Item["n"].(*types.AttributeValueMemberN).Value
	}
	for i := range 60 {
		if _, err := w.db.PutItem(ctx, &dynamodb.PutItemInput{TableName: table, Item: thing(fmt.Sprint(i), i)}); err != nil {
			t.Fatal(err)
		}
		lagged = lagged || w.inIndex(table) < i+1
		// A condition on what is there: a repeated one whose answer was lost
		// finds that it was applied, and changes nothing.
		in := &dynamodb.UpdateItemInput{
			TableName: table, Key: key, UpdateExpression: aws.String("SET n = :new"),
			ConditionExpression:       aws.String("attribute_not_exists(pk) OR n = :old"),
			ExpressionAttributeValues: map[string]types.AttributeValue{":old": thing("", i-1)["n"], ":new": thing("", i)["n"]},
		}
		var failed *types.ConditionalCheckFailedException
		if _, err := w.db.UpdateItem(ctx, in); err != nil && !errors.As(err, &failed) {
			t.Fatal(err)
		}
		if got := count(true); got != strconv.Itoa(i) {
			t.Fatalf("a consistent read after write %d shows %q", i, got)
		}
		stale = stale || count(false) != strconv.Itoa(i)
		w.clock.Advance(100 * time.Millisecond)
	}
	if !lagged || !stale {
		t.Errorf("the index lagged: %v; an eventually consistent read was stale: %v", lagged, stale)
	}
	w.clock.Advance(3 * time.Second)
	for range 20 {
		if n := w.inIndex(table); n != 60 {
			t.Fatalf("the index has %d entries after its lag, want 60", n)
		}
		if got := count(false); got != "59" {
			t.Fatalf("a read shows %q after its lag", got)
		}
	}
	w.seen(of("dynamodb", "stale", "indexLag")...)
}

// TestHostileBatches: what a batch leaves comes back as unprocessed, and all of
// it is there in the end; so is each transaction, whole.
func TestHostileBatches(t *testing.T) {
	w := startHostile(t, 4)
	ctx := t.Context()
	table := w.table("things")
	var todo []types.WriteRequest
	var keys []map[string]types.AttributeValue
	for i := range 25 {
		todo = append(todo, types.WriteRequest{PutRequest: &types.PutRequest{Item: thing(fmt.Sprint(i), i)}})
		keys = append(keys, map[string]types.AttributeValue{"pk": thing(fmt.Sprint(i), 0)["pk"]})
	}
	for range 10 {
		for rest := todo; len(rest) > 0; {
			out := must[*dynamodb.BatchWriteItemOutput](t)(w.db.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{*table: rest}}))
			rest = out.UnprocessedItems[*table]
		}
		got := map[string]bool{}
		for rest := keys; len(rest) > 0; {
			out := must[*dynamodb.BatchGetItemOutput](t)(w.db.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
				RequestItems: map[string]types.KeysAndAttributes{*table: {Keys: rest, ConsistentRead: aws.Bool(true)}},
			}))
			for _, it := range out.Responses[*table] {
				got[it["pk"].(*types.AttributeValueMemberS).Value] = true
			}
			rest = out.UnprocessedKeys[*table].Keys
		}
		if len(got) != len(keys) {
			t.Fatalf("%d of %d items", len(got), len(keys))
		}
	}
	for i := range 60 {
		a, b := thing("a", i), thing("b", i)
		_, err := w.db.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
			{Put: &types.Put{TableName: table, Item: a}}, {Put: &types.Put{TableName: table, Item: b}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.db.PutItem(ctx, &dynamodb.PutItemInput{TableName: table, Item: thing("c", i)}); err != nil {
			t.Fatal(err)
		}
	}
	w.seen("dynamodb.partial", "dynamodb.cancelled", "dynamodb.conflict")
}

// TestCancellationReasons: a transaction that met another says of each item
// whether it was that one.
func TestCancellationReasons(t *testing.T) {
	w := startHostile(t, 5, func(h *Hostile) { *h = Hostile{}; h.DynamoDB.Conflict = 1 })
	table := w.table("things")
	c := w.AWSConfig()
	c.RetryMaxAttempts = 1
	_, err := dynamodb.NewFromConfig(c).TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Put: &types.Put{TableName: table, Item: thing("a", 1)}}, {Put: &types.Put{TableName: table, Item: thing("b", 1)}},
	}})
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) || len(cancelled.CancellationReasons) != 2 {
		t.Fatalf("%v", err)
	}
	codes := []string{*cancelled.CancellationReasons[0].Code, *cancelled.CancellationReasons[1].Code}
	slices.Sort(codes)
	if !slices.Equal(codes, []string{"None", "TransactionConflict"}) {
		t.Errorf("codes %v", codes)
	}
}

// TestHostileBucket: bodies are cut both ways; what is there is whole.
func TestHostileBucket(t *testing.T) {
	w := startHostile(t, 6)
	ctx := t.Context()
	bucket := aws.String("bucket")
	if _, err := w.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket}); err != nil {
		t.Fatal(err)
	}
	body := strings.Repeat("0123456789abcdef", 4<<10)
	cut := 0
	for i := range 150 {
		key := aws.String(fmt.Sprint("k", i))
		if _, err := w.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: key, Body: strings.NewReader(body)}); err != nil {
			t.Fatal(err)
		}
		for {
			out := must[*s3.GetObjectOutput](t)(w.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: key}))
			got, err := io.ReadAll(out.Body)
			out.Body.Close()
			if err != nil {
				cut++
				if len(got) >= len(body) {
					t.Errorf("%d bytes came, and then %v", len(got), err)
				}
				continue
			}
			if string(got) != body {
				t.Fatalf("object %d: %d bytes, want %d", i, len(got), len(body))
			}
			break
		}
	}
	if cut == 0 {
		t.Error("no answer was cut")
	}
	w.seen(of("s3", "cutRequest", "cutAnswer")...)
}

// TestBurstsEnd: throttling comes in bursts that outlast an SDK's three tries,
// and a caller who tries again gets through.
func TestBurstsEnd(t *testing.T) {
	w := startHostile(t, 7, func(h *Hostile) { *h = Hostile{Seed: 7}; h.SQS.Throttled, h.SQS.Burst = 0.05, 6 })
	c := w.AWSConfig()
	c.RetryMaxAttempts = 1
	q := sqs.NewFromConfig(c)
	codes := map[string]bool{}
	longest, run := 0, 0
	for range 2000 {
		_, err := q.ListQueues(t.Context(), &sqs.ListQueuesInput{})
		if err == nil {
			run = 0
			continue
		}
		var e smithy.APIError
		if !errors.As(err, &e) {
			t.Fatal(err)
		}
		codes[e.ErrorCode()] = true
		run++
		longest = max(longest, run)
	}
	if longest <= 3 || longest > 6 {
		t.Errorf("the longest burst was of %d requests, want 4 to 6", longest)
	}
	if !codes["RequestThrottled"] || !codes["ThrottlingException"] || len(codes) != 2 {
		t.Errorf("codes %v", codes)
	}
}

// TestThrottledQuery: the older protocol has the same errors.
func TestThrottledQuery(t *testing.T) {
	s := start(t, Config{NoAuth: true, Hostile: hostileOf(func(h *Hostile) { h.SQS.Throttled = 1 })})
	r := httptest.NewRequest("POST", "/", strings.NewReader("Action=ListQueues"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	code, body := get(t, s.Edge(), r)
	if code != http.StatusForbidden && code != http.StatusBadRequest || !strings.Contains(body, "<Code>RequestThrottled</Code>") && !strings.Contains(body, "<Code>ThrottlingException</Code>") {
		t.Errorf("%d %s", code, body)
	}
}

// TestSeedRepeats: the same requests meet the same fate again, and another
// seed's is another.
func TestSeedRepeats(t *testing.T) {
	fate := func(seed uint64) string {
		w := startHostile(t, seed)
		c := w.AWSConfig()
		c.RetryMaxAttempts = 1
		q := sqs.NewFromConfig(c)
		var b strings.Builder
		for range 200 {
			_, err := q.ListQueues(t.Context(), &sqs.ListQueuesInput{})
			var e smithy.APIError
			switch {
			case err == nil:
				b.WriteByte('.')
			case errors.As(err, &e):
				b.WriteString(e.ErrorCode()[:1])
			default:
				b.WriteByte('x')
			}
		}
		return b.String()
	}
	first, again, other := fate(11), fate(11), fate(12)
	if first != again {
		t.Errorf("seed 11 gave\n%s and then\n%s", first, again)
	}
	if first == other {
		t.Errorf("seeds 11 and 12 gave the same: %s", first)
	}
}

// TestHostileFunctions: schedules fire twice, functions start anew and are
// refused, and the API answers 503 before and after it has done its work.
func TestHostileFunctions(t *testing.T) {
	p := startProduct(t, func(c *Config) {
		c.Hostile = HostileProfile(8)
		c.Hostile.Lambda.Refused = 0.05
		c.Functions["echo"] = FunctionSource{New: func(map[string]string) (Handler, error) { return greeter{}, nil }}
	})
	api := httptest.NewServer(p.API(APIOptions{}))
	defer api.Close()
	codes := map[int]int{}
	for range 400 {
		resp, err := http.Post(api.URL+"/api/echo/1", "text/plain", strings.NewReader("x"))
		if err != nil {
			codes[0]++
			continue
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		codes[resp.StatusCode]++
	}
	for _, code := range []int{0, 429, 503} {
		if codes[code] == 0 {
			t.Errorf("no request was answered %d: %v", code, codes)
		}
	}
	if codes[0]+codes[429]+codes[503] > 100 {
		t.Errorf("the API is down rather than hostile: %v", codes)
	}
	swept, ticks := 0, 40
	for range ticks {
		err := p.Tick(t.Context(), "Sweep")
		for len(p.swept) > 0 {
			<-p.swept
			swept++
		}
		if err != nil && !isCode(err, "TooManyRequestsException") {
			t.Fatal(err)
		}
	}
	if swept <= ticks {
		t.Errorf("%d ticks were %d events", ticks, swept)
	}
	happened := p.Hostility()
	for _, k := range append(of("api"), "lambda.cold", "lambda.refused", "schedule.twice") {
		if happened[k] == 0 {
			t.Errorf("%s has not happened once: %v", k, happened)
		}
	}
}

// greeter shares no memory between invocations, as aws-lambda-go's handlers do.
type greeter struct{}

func (greeter) Invoke(context.Context, []byte) ([]byte, error) { return []byte(`"hello"`), nil }
