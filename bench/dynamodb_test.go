package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// record is what every item has besides its key: as much as a job's state.
var record = strings.Repeat("state of a job; ", 16)

type attributes = map[string]types.AttributeValue

func str(v string) types.AttributeValue { return &types.AttributeValueMemberS{Value: v} }
func num(v int64) types.AttributeValue  { return &types.AttributeValueMemberN{Value: fmt.Sprint(v)} }

// bareDynamoDB responds as the table would, always with the same item.
func bareDynamoDB() bare {
	item := map[string]any{"pk": map[string]string{"S": "job-00000000"}, "sk": map[string]string{"S": "state"}, "rev": map[string]string{"N": "1"}, "doc": map[string]string{"S": record}}
	items := []any{item, item, item, item, item, item, item, item, item, item}
	h := bare{}
	for op, v := range map[string]any{
		"CreateTable":        map[string]any{"TableDescription": map[string]any{"TableName": "jobs"}},
		"BatchWriteItem":     map[string]any{"UnprocessedItems": map[string]any{}},
		"PutItem":            map[string]any{},
		"UpdateItem":         map[string]any{},
		"GetItem":            map[string]any{"Item": item},
		"Query":              map[string]any{"Items": items, "Count": 10, "ScannedCount": 10},
		"TransactWriteItems": map[string]any{},
	} {
		body, _ := json.Marshal(v) // strings
		h["DynamoDB_20120810."+op] = answer{"application/x-amz-json-1.0", string(body)}
	}
	return h
}

// A jobsTable is the table of one contender.
type jobsTable struct {
	client *dynamodb.Client
	name   *string
	put    atomic.Int64
	rev    [64]int64 // of each worker's own item
}

const tableItems = 1000

// tablesMade makes the names of tables unique.
var tablesMade atomic.Int64

// newJobsTable creates the table, with ten items per partition.
func newJobsTable(b testing.TB, cfg aws.Config, items int) *jobsTable {
	b.Helper()
	t := &jobsTable{client: dynamodb.NewFromConfig(cfg), name: aws.String(fmt.Sprint("jobs-", tablesMade.Add(1)))}
	key := func(name string, kind types.KeyType) types.KeySchemaElement {
		return types.KeySchemaElement{AttributeName: &name, KeyType: kind}
	}
	def := func(name string) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: &name, AttributeType: types.ScalarAttributeTypeS}
	}
	_, err := t.client.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName: t.name, BillingMode: types.BillingModePayPerRequest,
		KeySchema:            []types.KeySchemaElement{key("pk", types.KeyTypeHash), key("sk", types.KeyTypeRange)},
		AttributeDefinitions: []types.AttributeDefinition{def("pk"), def("sk")},
	})
	if err != nil {
		b.Fatal(err)
	}
	t.fill(b, items)
	return t
}

func (t *jobsTable) fill(b testing.TB, items int) {
	for i := 0; i < items; i += 25 {
		var ws []types.WriteRequest
		for j := i; j < min(i+25, items); j++ {
			it := attributes{"pk": partition(int64(j / 10)), "sk": str(fmt.Sprint("item-", j%10)), "doc": str(record)}
			ws = append(ws, types.WriteRequest{PutRequest: &types.PutRequest{Item: it}})
		}
		if _, err := t.client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{*t.name: ws}}); err != nil {
			b.Fatal(err)
		}
	}
}

func partition(n int64) types.AttributeValue { return str(fmt.Sprintf("job-%08d", n)) }

// putItem writes a new item.
func (t *jobsTable) putItem(int) error {
	it := attributes{"pk": partition(1<<20 + t.put.Add(1)), "sk": str("state"), "rev": num(1), "doc": str(record)}
	_, err := t.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: t.name, Item: it})
	return err
}

// getItem reads one of the initial items.
func (t *jobsTable) getItem(int) error {
	n := t.put.Add(1) % tableItems
	out, err := t.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: t.name, ConsistentRead: aws.Bool(true),
		Key: attributes{"pk": partition(n / 10), "sk": str(fmt.Sprint("item-", n%10))}})
	if err == nil && len(out.Item) == 0 {
		err = fmt.Errorf("item %d isn't there", n)
	}
	return err
}

// update changes the worker's item if it has the revision of the previous update.
func (t *jobsTable) update(worker int) error {
	rev := t.rev[worker]
	_, err := t.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: t.name, Key: attributes{"pk": str(fmt.Sprint("own-", worker)), "sk": str("state")},
		UpdateExpression: aws.String("SET doc = :doc, rev = :next"), ConditionExpression: aws.String("attribute_not_exists(rev) OR rev = :rev"),
		ExpressionAttributeValues: attributes{":doc": str(record), ":rev": num(rev), ":next": num(rev + 1)},
	})
	t.rev[worker]++
	return err
}

// query reads a partition, which has ten items.
func (t *jobsTable) query(int) error { return t.queryOf(tableItems)(0) }

// queryOf is query for a table with that many items.
func (t *jobsTable) queryOf(items int64) func(int) error {
	return func(int) error {
		n := (t.put.Add(1) * 7919) % (items / 10)
		out, err := t.client.Query(ctx, &dynamodb.QueryInput{TableName: t.name, KeyConditionExpression: aws.String("pk = :pk"),
			ExpressionAttributeValues: attributes{":pk": partition(n)}})
		if err == nil && len(out.Items) != 10 {
			err = fmt.Errorf("partition %d has %d items", n, len(out.Items))
		}
		return err
	}
}

// transact writes two items if the first is new.
func (t *jobsTable) transact(int) error {
	n := 1<<21 + t.put.Add(1)
	put := func(sk string, cond *string) types.TransactWriteItem {
		return types.TransactWriteItem{Put: &types.Put{TableName: t.name, Item: attributes{"pk": partition(n), "sk": str(sk), "doc": str(record)}, ConditionExpression: cond}}
	}
	_, err := t.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{put("state", aws.String("attribute_not_exists(pk)")), put("spec", nil)}})
	return err
}

// dynamoWorkloads are measured for each contender, with 16 workers.
var dynamoWorkloads = []struct {
	name   string
	target string
	op     func(*jobsTable) func(worker int) error
}{
	{"put 16-way", "≥ 0.90", func(t *jobsTable) func(int) error { return t.putItem }},
	{"get 16-way", "≥ 0.90", func(t *jobsTable) func(int) error { return t.getItem }},
	{"conditional update 16-way", "≥ 0.90", func(t *jobsTable) func(int) error { return t.update }},
	{"query 10 items 16-way", "", func(t *jobsTable) func(int) error { return t.query }},
	{"transaction of 2 16-way", "", func(t *jobsTable) func(int) error { return t.transact }},
}

func BenchmarkDynamoDB(b *testing.B) {
	for _, w := range dynamoWorkloads {
		b.Run(w.name, func(b *testing.B) {
			var subjects []subject
			for _, c := range contenders(b, bareDynamoDB(), w.target) {
				subjects = append(subjects, subject{name: c.name, floor: c.floor, target: c.target, op: w.op(newJobsTable(b, c.cfg, tableItems))})
			}
			isPut := w.name == "put 16-way"
			if isPut {
				subjects = append(subjects, subject{name: leastDurable, floor: subjects[0].name, op: w.op(leastTable(b))})
			}
			rates := compare(b, 16, subjects...)
			if isPut {
				noteRatio(b, "durable, loopback", rates["durable, loopback"], leastDurable, rates[leastDurable])
			}
		})
	}
}

// leastTable is a table that accepts puts and forgets them.
func leastTable(b testing.TB) *jobsTable {
	return newJobsTable(b, overLoopback(b, leastPut{newLeast(b)}), 0)
}

// leastPut does only what every durable, authenticated PutItem must: it checks the
// signature, decodes the request with encoding/json, and writes it to a log whose
// syncs callers share. It has no tables, and no way to read the item.
type leastPut struct{ *leastSend }

func (h leastPut) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil && !h.signed(r, body) {
		err = errors.New("wrong signature")
	}
	var in struct {
		TableName string
		Item      map[string]map[string]string
	}
	if err == nil && r.Header.Get("X-Amz-Target") == "DynamoDB_20120810.PutItem" {
		if err = json.Unmarshal(body, &in); err == nil {
			err = h.log.append(body)
		}
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	_, _ = io.WriteString(w, "{}")
}

// readAll reads all items a few times, until the store has had time to finish
// compacting. So no measured read is the first read of an item.
func (t *jobsTable) readAll(b testing.TB) {
	const times = 4
	for range times {
		pages := dynamodb.NewScanPaginator(t.client, &dynamodb.ScanInput{TableName: t.name, Select: types.SelectCount})
		for pages.HasMorePages() {
			if _, err := pages.NextPage(ctx); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkDynamoDBGrowth: the cost of a query doesn't depend on the number of items
// in the table. All sizes are measured in one run and divided by the smallest.
// readAll runs before, because the measurement doesn't get through the largest table
// even once, and would otherwise measure first reads from the store's files.
func BenchmarkDynamoDBGrowth(b *testing.B) {
	b.Run("query", func(b *testing.B) {
		var subjects []subject
		sizes := []int64{1e3, 1e4, 1e5, 1e6}
		if testing.Short() {
			sizes = sizes[:3]
		}
		for i, n := range sizes {
			t := newJobsTable(b, startStack(b, true).AWSConfig(), int(n))
			t.readAll(b)
			s := subject{name: fmt.Sprintf("%d items", n), op: t.queryOf(n)}
			if i > 0 {
				s.floor, s.target = subjects[0].name, "≥ 0.90"
			}
			subjects = append(subjects, s)
		}
		compare(b, 16, subjects...)
	})
}

// TestDynamoDBWorkloads runs each workload once.
func TestDynamoDBWorkloads(t *testing.T) {
	if err := leastTable(t).putItem(0); err != nil {
		t.Errorf("%s: %v", leastDurable, err)
	}
	for _, c := range contenders(t, bareDynamoDB(), "") {
		table := newJobsTable(t, c.cfg, tableItems)
		for _, w := range dynamoWorkloads {
			if err := w.op(table)(0); err != nil {
				t.Errorf("%s: %s: %v", c.name, w.name, err)
			}
		}
	}
}
