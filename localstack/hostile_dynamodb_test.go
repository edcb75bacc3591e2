package localstack

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

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
