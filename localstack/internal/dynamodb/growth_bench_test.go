package dynamodb

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
	"github.com/errandhq/errand/localstack/internal/engine"
	"github.com/errandhq/errand/localstack/internal/kv"
)

// BenchmarkQueryOf is what a query of ten items costs the engine, and its answer,
// of tables of growing sizes: no client, no connection, no signature.
func BenchmarkQueryOf(b *testing.B) {
	for _, items := range []int{1e3, 1e4, 1e5, 1e6} {
		b.Run(fmt.Sprint(items), func(b *testing.B) {
			e := grown(b, items)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n = (n + 7919) % (items / 10)
				queryTen(b, e, n)
			}
		})
	}
}

// grown is an engine with a table of items, of which each partition has ten.
func grown(b *testing.B, items int) *Engine {
	store, err := kv.Open(b.TempDir(), kv.Options{NoSync: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = store.Close() })
	e, err := Open(Config{Config: engine.Config{Store: store, Clock: clock.NewManual(time.Unix(1_800_000_000, 0))}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(e.Close)
	fillJobs(b, e, items)
	return e
}

func fillJobs(b *testing.B, e *Engine, items int) {
	_, err := e.CreateTable(b.Context(), &CreateTableInput{
		TableName: new("jobs"), BillingMode: "PAY_PER_REQUEST",
		KeySchema:            []KeySchemaElement{{new("pk"), new("HASH")}, {new("sk"), new("RANGE")}},
		AttributeDefinitions: []AttributeDefinition{{new("pk"), new("S")}, {new("sk"), new("S")}},
	})
	if err != nil {
		b.Fatal(err)
	}
	doc := value.S(strings.Repeat("state of a job; ", 16))
	for i := 0; i < items; i += 20 {
		var ws []WriteRequest
		for j := i; j < min(i+20, items); j++ {
			it := Item{"pk": value.S(fmt.Sprintf("job-%08d", j/10)), "sk": value.S(fmt.Sprint("item-", j%10)), "doc": doc}
			ws = append(ws, WriteRequest{PutRequest: &PutRequest{Item: it}})
		}
		if _, err := e.BatchWriteItem(b.Context(), &BatchWriteItemInput{RequestItems: map[string][]WriteRequest{"jobs": ws}}); err != nil {
			b.Fatal(err)
		}
	}
}

// queryTen queries a partition, and encodes the answer.
func queryTen(b *testing.B, e *Engine, n int) {
	out, err := e.Query(b.Context(), &QueryInput{
		TableName: new("jobs"), KeyConditionExpression: new("pk = :pk"),
		ExpressionAttributeValues: Item{":pk": value.S(fmt.Sprintf("job-%08d", n))},
	})
	if err == nil && out.Count != 10 {
		err = fmt.Errorf("partition %d has %d items", n, out.Count)
	}
	if err == nil {
		_, err = json.Marshal(out)
	}
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkPutInto is what a put of an item that isn't there costs the engine, in
// tables of growing sizes, the disk aside.
func BenchmarkPutInto(b *testing.B) {
	doc := value.S(strings.Repeat("state of a job; ", 16))
	for _, items := range []int{1e3, 1e6} {
		b.Run(fmt.Sprint(items), func(b *testing.B) {
			e := grown(b, items)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n++
				it := Item{"pk": value.S(fmt.Sprint("new-", n)), "sk": value.S("state"), "doc": doc}
				if _, err := e.PutItem(b.Context(), &PutItemInput{TableName: new("jobs"), Item: it}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
